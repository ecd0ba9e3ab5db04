"""The algorithm Neural Contour beside VTK's contours of the decoded image."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from example_fields import field_of, fvsrn
from srn_filters import carrier, vtk_bridge
from srn_filters.contour import BLOCKS, NeuralContour
from surface_fields import ball, file_of, latents_alone, same_cells, smooth
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkCommonDataModel import vtkPolyData
from vtkmodules.vtkCommonExecutionModel import vtkTrivialProducer
from vtkmodules.vtkFiltersCore import vtkFlyingEdges3D

from srn_core.codec import NeuralField, Plateau, quantise
from srn_core.spec import FvSrnSpec
from srn_core.volume import Geometry

SHAPE = (14, 17, 20)
ROTATED = (0.0, -1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0)
MIRRORED = (-1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)


def placed(direction: tuple[float, ...], **more: Any) -> NeuralField:
    return latents_alone(
        SHAPE, geometry=Geometry(SHAPE[::-1], (10.0, 20.0, 30.0), (0.5, 0.25, 2.0), direction, (-3, 4, 7)), **more
    )


def algorithm(*fields: NeuralField, isovalues: tuple[float, ...] = (0.9,)) -> NeuralContour:
    image = vtk_bridge.empty_image(fields[0].geometry)
    carrier.attach(image, file_of(*fields).to_bytes())
    source = vtkTrivialProducer()
    source.SetOutput(image)
    made = NeuralContour()
    made.SetInputConnection(source.GetOutputPort())
    made.SetProvider("cpu")
    made.SetThreads(1)
    for value in isovalues:
        made.AddIsosurface(value)
    said: list[str] = []
    made.failed = said.append  # type: ignore[method-assign]
    made.said = said
    return made


def output_of(made: NeuralContour) -> vtkPolyData:
    made.Update()
    assert not made.said
    return made.GetOutputDataObject(0)


def surface(output: vtkPolyData) -> tuple[np.ndarray, np.ndarray]:
    points = vtk_to_numpy(output.GetPoints().GetData()).astype(np.float64)
    return points, vtk_to_numpy(output.GetPolys().GetConnectivityArray()).reshape(-1, 3)


def by_vtk(field: NeuralField, isovalue: float, **grid: Any) -> vtkPolyData:
    """Of the image that the decoded field is; samples of cells as points in their middles."""
    volume = file_of(field).decode(**grid)
    geometry = volume.geometry
    if geometry.association == "cell":
        first = geometry.position_of(-np.array(geometry.start)[None])[0]
        origin = (float(first[0]), float(first[1]), float(first[2]))
        volume = replace(volume, geometry=replace(geometry, association="point", origin=origin))
    image = vtk_bridge.empty_image(volume.geometry)
    vtk_bridge.add_volume(image, volume)
    contour = vtkFlyingEdges3D()
    contour.SetInputData(image)
    contour.SetValue(0, isovalue)
    contour.SetComputeNormals(True)
    contour.Update()
    return contour.GetOutput()


@pytest.mark.parametrize("direction", [Geometry((1, 1, 1)).direction, ROTATED, MIRRORED])
def test_places_and_normals_are_those_of_vtk(direction: tuple[float, ...]) -> None:
    field = placed(direction)
    output = output_of(algorithm(field))
    whole = by_vtk(field, 0.9)
    points, triangles = surface(output)
    assert same_cells((points, triangles), surface(whole))
    normals = vtk_to_numpy(output.GetPointData().GetNormals())
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, rtol=1e-5)
    # Both say how the field falls; VTK's are of the samples' differences.
    theirs = {
        tuple(p): n for p, n in zip(np.round(surface(whole)[0], 3), vtk_to_numpy(whole.GetPointData().GetNormals()))
    }
    cosines = [n @ theirs[p] for p, n in zip(map(tuple, np.round(points, 3)), normals) if p in theirs]
    assert len(cosines) > 0.9 * len(points)
    if direction != MIRRORED:  # VTK's own are wrong there
        assert np.mean(cosines) > 0.97 and np.min(cosines) > 0
    corners = points[triangles]
    fronts = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    turned = (fronts * normals[triangles].sum(axis=1)).sum(axis=1)
    assert (turned > 0).mean() > 0.99, "triangles are wound as their normals say"


def test_normals_of_a_network_are_its_exact_gradient() -> None:
    field = field_of(fvsrn(), geometry=replace(placed(ROTATED).geometry, dims=(24, 20, 17)))
    output = output_of(algorithm(field, isovalues=(0.3,)))
    _, gradient = file_of(field).sample_with_gradient(surface(output)[0], outside="clamp")
    normals = vtk_to_numpy(output.GetPointData().GetNormals())
    cosines = -(normals * gradient).sum(axis=1) / np.linalg.norm(gradient, axis=1)
    # Positions are float32 in the output: on the face between two latents the gradient may be that of the other one.
    assert (cosines > 1 - 1e-4).mean() > 0.95


def test_normals_of_interpolated_latents_have_no_facets() -> None:
    field = ball(24)
    output = output_of(algorithm(field, isovalues=(0.7,)))
    points, normals = surface(output)[0], vtk_to_numpy(output.GetPointData().GetNormals())
    radii = points - 11.5
    # The distance grows outwards, normals point inwards.
    cosines = -(normals * radii).sum(axis=1) / np.linalg.norm(radii, axis=1)
    assert cosines.min() > 0.999
    _, exact = file_of(field).sample_with_gradient(points)
    facets = (exact * radii).sum(axis=1) / np.linalg.norm(exact, axis=1) / np.linalg.norm(radii, axis=1)
    assert np.mean(1 - cosines) < 0.5 * np.mean(1 - facets)


def test_normals_on_a_plateau_are_those_of_triangles() -> None:
    mask = smooth(SHAPE, 4) > 0.2
    output = output_of(algorithm(placed(ROTATED, plateau=Plateau(mask, (40.0,))), isovalues=(20.0,)))
    normals = vtk_to_numpy(output.GetPointData().GetNormals())
    assert len(normals) and np.isfinite(normals).all()
    lengths = np.linalg.norm(normals, axis=1)
    assert ((np.abs(lengths - 1) < 1e-5) | (lengths == 0)).all() and (lengths > 0).mean() > 0.95


@pytest.mark.parametrize("association", ["point", "cell"])
def test_fineness_and_region(association: str) -> None:
    field = latents_alone(
        SHAPE,
        geometry=Geometry(SHAPE[::-1], (1.0, 2.0, 3.0), (0.5, 0.25, 2.0), start=(1, 2, 3), association=association),
    )
    made = algorithm(field)
    made.SetScale(1.5)
    made.SetWholeVolume(0)
    made.SetRegion(2, 15, 2, 18, 4, 12)
    dims = (21, 26, 14)
    assert same_cells(surface(output_of(made)), surface(by_vtk(field, 0.9, dims=dims, region=(2, 15, 2, 18, 4, 12))))
    made.SetSampling("Dims")
    made.SetDims(9, 0, 30)
    assert same_cells(
        surface(output_of(made)), surface(by_vtk(field, 0.9, dims=(9, 17, 30), region=(2, 15, 2, 18, 4, 12)))
    )


def test_what_stands_beside_the_surface() -> None:
    field = placed(ROTATED)
    made = algorithm(field, isovalues=(0.9, 0.4))
    made.SetComputeScalars(1)
    made.SetComputeNormals(0)
    output = output_of(made)
    scalars = output.GetPointData().GetScalars()
    assert scalars.GetName() == "pressure" and scalars.GetDataTypeAsString() == "float"
    assert set(np.round(vtk_to_numpy(scalars), 5)) == {np.float32(0.9), np.float32(0.4)}
    assert output.GetPointData().GetNormals() is None
    assert carrier.content(output) == file_of(field).to_bytes()
    decoded, total = vtk_to_numpy(output.GetFieldData().GetArray(BLOCKS)).ravel()
    assert decoded == total == 1


def test_time_arrays_and_components() -> None:
    spec = FvSrnSpec((1.0, 1.0, 1.0), 2, (), 0, 2, SHAPE, None, skip=True)
    latents = np.stack([smooth(SHAPE, 5), smooth(SHAPE, 6)]).astype(np.float32)
    stored = {"grid": quantise(latents, 12, "uniform")}
    wind = field_of(spec, stored, geometry=Geometry(SHAPE[::-1]), name="wind", time=2.0)
    first, second = (latents_alone(SHAPE, time=t, value_range=((0.0, t),)) for t in (1.0, 2.0))
    made = algorithm(first, second, wind, isovalues=(0.7,))
    made.UpdateInformation()
    pipeline = made.GetExecutive()
    info = made.GetOutputInformation(0)
    assert info.Get(pipeline.TIME_STEPS()) == (1.0, 2.0)
    made.UpdateTimeStep(2.0)
    assert not made.said
    assert same_cells(surface(made.GetOutputDataObject(0)), surface(by_vtk(second, 0.7)))
    made.SetInputArrayToProcess(0, 0, 0, 0, "wind")
    made.SetComponent(1)
    made.UpdateTimeStep(2.0)
    assert not made.said
    alone = field_of(
        replace(spec, components=1, features=1),
        {"grid": quantise(latents[1:], 12, "uniform")},
        geometry=wind.geometry,
        value_range=(wind.value_range[1],),
    )
    assert same_cells(surface(made.GetOutputDataObject(0)), surface(by_vtk(alone, 0.7)), within=2e-2)


def test_flat_fields_give_lines_without_normals() -> None:
    output = output_of(algorithm(latents_alone((1, 17, 20))))
    assert output.GetNumberOfLines() > 0 and output.GetNumberOfPolys() == 0
    assert output.GetPointData().GetNormals() is None


def test_a_value_that_is_not_reached_gives_an_empty_surface() -> None:
    output = output_of(algorithm(placed(ROTATED), isovalues=(99.0,)))
    assert output.GetNumberOfPoints() == 0 and output.GetNumberOfCells() == 0
    assert vtk_to_numpy(output.GetFieldData().GetArray(BLOCKS)).tolist() == [[0, 1]]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda made: made.ClearIsosurfaces(), "Neural Contour: isosurfaces need at least one value"),
        (lambda made: made.SetInputArrayToProcess(0, 0, 0, 0, "heat"), "no array 'heat' to contour; it has 'pressure'"),
        (lambda made: made.SetComponent(1), "array 'pressure' has no component 1; it has one, number 0"),
        (lambda made: made.SetScale(0), "Scale must be more than 0"),
    ],
)
def test_errors_are_one_line(change: Any, said: str) -> None:
    made = algorithm(placed(ROTATED))
    change(made)
    made.Update()
    assert len(made.said) == 1 and said in made.said[0] and "Traceback" not in made.said[0]
    assert made.GetOutputDataObject(0).GetNumberOfPoints() == 0


def test_stops_when_the_user_aborts() -> None:
    made = algorithm(placed(ROTATED))
    made.AddObserver("ProgressEvent", lambda *_: made.SetAbortExecute(1))
    made.Update()
    assert len(made.said) == 1 and "stopped" in made.said[0]
