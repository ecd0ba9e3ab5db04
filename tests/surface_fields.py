"""Fields with surfaces in them, of known kinds, and contours as VTK makes them of a whole grid."""

from __future__ import annotations

from typing import Any, Sequence

import numpy as np
from example_fields import field_of
from srn_filters import vtk_bridge
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkFiltersCore import vtkContourFilter, vtkFlyingEdges3D

from srn_core import codec
from srn_core.codec import NeuralField, quantise
from srn_core.neural_file import NeuralFile
from srn_core.spec import FvSrnSpec
from srn_core.volume import Geometry, Volume


def smooth(shape: tuple[int, ...], seed: int = 0, waves: float = 2.0) -> np.ndarray:
    """Noise (z, y, x) from -1 to 1 that varies a few times along each axis."""
    spectrum = np.fft.fftn(np.random.default_rng(seed).normal(size=shape))
    for axis, samples in enumerate(shape):
        frequency = np.fft.fftfreq(samples) * samples
        spectrum *= np.exp(-((frequency / waves) ** 2)).reshape([-1 if a == axis else 1 for a in range(len(shape))])
    values = np.fft.ifftn(spectrum).real
    return np.asarray(values / np.abs(values).max())


def latents_alone(shape: tuple[int, int, int], **more: Any) -> NeuralField:
    """A field without predictor, as the default compression makes them, whose values span ``value_range``."""
    geometry = more.pop("geometry", Geometry((shape[2], shape[1], shape[0])))
    spec = FvSrnSpec(geometry.half_extent, 1, (), 0, 1, shape, None, skip=True)
    stored = quantise(smooth(shape)[None].astype(np.float32), 12, "uniform")
    return field_of(spec, {"grid": stored}, geometry=geometry, **more)


def ball(samples: int = 40) -> NeuralField:
    """The distance from the middle, in half edges."""
    axis = np.linspace(-1, 1, samples)
    distance = np.sqrt(axis[:, None, None] ** 2 + axis[:, None] ** 2 + axis**2)
    spec = FvSrnSpec((1.0, 1.0, 1.0), 1, (), 0, 1, (samples,) * 3, None, skip=True)
    stored = quantise(distance[None].astype(np.float32), 14, "uniform")
    return field_of(spec, {"grid": stored}, geometry=Geometry((samples,) * 3), value_range=((-1.0, 1.0),))


def file_of(*fields: NeuralField) -> NeuralFile:
    return NeuralFile(fields, codec.to_bytes(fields), providers="cpu", threads=1)


def triangles(volume: Volume, isovalues: Sequence[float]) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each value the points (N, 3), sample indices, and the cells (M, 3) or (M, 2) that VTK makes of a volume.

    Samples that are not valid are NaN; what touches them is no surface.
    """
    values = volume.values
    if volume.valid is not None:
        values = np.where(volume.valid, values.astype(np.float64), np.nan)
    flat = min(values.shape) == 1
    image = vtk_bridge.empty_image(Geometry((values.shape[2], values.shape[1], values.shape[0])))
    image.GetPointData().SetScalars(vtk_bridge.data_array(values.reshape(-1), "values"))
    found = []
    for isovalue in isovalues:
        contour = vtkContourFilter() if flat else vtkFlyingEdges3D()
        contour.SetInputData(image)
        contour.SetComputeNormals(False)
        contour.SetValue(0, isovalue)
        contour.Update()
        output = contour.GetOutput()
        points = vtk_to_numpy(output.GetPoints().GetData()).astype(np.float64).reshape(-1, 3)
        cells = output.GetLines() if flat else output.GetPolys()
        corners = vtk_to_numpy(cells.GetConnectivityArray()).reshape(-1, 2 if flat else 3)
        there = np.isfinite(points).all(axis=1)
        found.append((np.where(there[:, None], points, 0.0), corners[there[corners].all(axis=1)]))
    return found


def same_cells(one: tuple[np.ndarray, np.ndarray], other: tuple[np.ndarray, np.ndarray], within: float = 1e-4) -> bool:
    """Whether two sets of cells are the same, their points lying within a distance of each other.

    Cells that have shrunk to nothing (a sample is exactly the isovalue) do not count.
    """
    from scipy.spatial import cKDTree

    places = np.unique(np.round(np.concatenate([one[0], other[0]]) / within).astype(np.int64), axis=0) * within
    # Places that are next to each other are one: each takes the name of the first within reach.
    name = np.arange(len(places))
    for a, b in sorted(cKDTree(places).query_pairs(2.5 * within)):
        name[b] = min(name[b], name[a])

    def cells(points: np.ndarray, corners: np.ndarray) -> set[tuple[int, ...]]:
        names = name[cKDTree(places).query(points)[1]][corners] if len(corners) else np.zeros((0, 3), int)
        return {tuple(sorted(cell)) for cell in names.tolist() if len(set(cell)) == len(cell)}

    return cells(*one) == cells(*other)
