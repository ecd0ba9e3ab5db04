"""The algorithm Neural Evaluate on made-up fields, its figures beside NumPy's and srn_core's."""

from __future__ import annotations

import json
from typing import Any, Optional

import numpy as np
import pytest
from srn_filters import carrier, vtk_bridge
from srn_filters.blocks import composite_of
from srn_filters.evaluate import NeuralEvaluate
from surface_fields import file_of, latents_alone
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkPoints
from vtkmodules.vtkCommonDataModel import (
    vtkCompositeDataSet,
    vtkDataObject,
    vtkImageData,
    vtkMultiBlockDataSet,
    vtkPolyData,
    vtkTable,
)

from srn_core import metrics
from srn_core.volume import Geometry, Volume

DIMS = (11, 9, 8)
HISTORY = {"pass": [1.0, 2.0], "seconds": [0.5, 1.0], "phase": ["a", "b"], "loss": [0.2, 0.1], "psnr": [30.0, 33.0]}


def image(values: np.ndarray, name: str = "p", **geometry: Any) -> vtkImageData:
    """Of (z, y, x) or (z, y, x, component) values."""
    grid = Geometry((values.shape[2], values.shape[1], values.shape[0]), **geometry)
    data = vtk_bridge.empty_image(grid)
    vtk_bridge.add_volume(data, Volume(values, grid, name))
    return data


def fields(*components: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(7)
    first = random.normal(size=(*DIMS[::-1], *components)).astype(np.float32)
    return first, first + 0.1 * random.normal(size=first.shape).astype(np.float32)


def composite(**blocks: vtkDataObject) -> vtkMultiBlockDataSet:
    return composite_of(list(blocks.items()))


def algorithm(original: vtkDataObject, other: Optional[vtkDataObject] = None, **settings: Any) -> NeuralEvaluate:
    made = NeuralEvaluate()
    made.SetInputDataObject(0, original)
    if other is not None:
        made.SetInputDataObject(1, other)
    made.SetProvider("cpu")
    made.SetThreads(1)
    for name, value in settings.items():
        getattr(made, f"Set{name}")(value)
    said: list[str] = []
    shown = made.failed
    made.failed = lambda message: (said.append(message), shown(message))  # type: ignore[assignment,func-returns-value]
    made.said = said
    made.Update()
    return made


def outputs(made: NeuralEvaluate) -> tuple[Any, dict[str, Any], dict[str, np.ndarray], dict[str, list[Any]]]:
    """The data set, the figures, the histogram and the history."""
    assert not made.said
    tables = []
    for port in (1, 2, 3):
        table = made.GetOutputDataObject(port)
        columns = [table.GetColumn(i) for i in range(table.GetNumberOfColumns())]
        tables.append({c.GetName(): [c.GetValue(i) for i in range(c.GetNumberOfValues())] for c in columns})
    figures = {name: values[0] for name, values in tables[0].items()}
    return made.GetOutputDataObject(0), figures, {n: np.array(v) for n, v in tables[1].items()}, tables[2]


def array(data: Any, name: str, association: str = "point") -> np.ndarray:
    return vtk_bridge.numbers(data, association, name)


@pytest.mark.parametrize("components", [(), (3,)])
def test_errors_and_figures_of_two_images(components: tuple[int, ...]) -> None:
    first, second = fields(*components)
    data, figures, histogram, history = outputs(algorithm(image(first), image(second), Bound="0.2", Bins=10))
    difference = second.astype(np.float64) - first
    flat = difference.reshape(first.size // (components or (1,))[0], *components)
    np.testing.assert_allclose(array(data, "p error"), flat, atol=1e-6)
    np.testing.assert_allclose(array(data, "p absolute error"), np.abs(flat), atol=1e-6)
    exceeds = np.abs(flat).reshape(len(flat), -1).max(axis=1) > 0.2
    np.testing.assert_array_equal(array(data, "p exceeds"), exceeds)
    assert array(data, "p exceeds").dtype == np.uint8 and 0 < exceeds.sum() < len(exceeds)
    np.testing.assert_array_equal(array(data, "p"), first.reshape(flat.shape))

    measured = metrics.measure(first, second)
    for name in ("psnr", "rmse", "max_error", "ssim"):
        assert figures[name] == pytest.approx(getattr(measured, name), rel=1e-6)
    assert (figures["beyond"], figures["places"], figures["left_out"]) == (exceeds.sum(), len(exceeds), 0)
    assert figures["beyond_share"] == pytest.approx(exceeds.mean())
    place = np.unravel_index(np.abs(difference).argmax(), difference.shape)
    assert [figures[f"worst_{axis}"] for axis in "xyz"] == [float(i) for i in place[2::-1]]

    assert len(histogram["count"]) == 10 and histogram["count"].sum() == difference.size
    assert histogram["share"].sum() == pytest.approx(1)
    np.testing.assert_allclose(histogram["error"], -histogram["error"][::-1], atol=1e-12)
    counts = np.histogram(difference, 10, (-measured.max_error, measured.max_error))[0]
    np.testing.assert_array_equal(histogram["count"], counts)
    assert history == {}


def test_a_share_of_the_range_and_no_bound() -> None:
    first, second = fields()
    data, figures, _, _ = outputs(algorithm(image(first), image(second), Bound="5%"))
    limit = 0.05 * float(np.ptp(first))
    assert figures["bound"] == pytest.approx(limit)
    np.testing.assert_array_equal(array(data, "p exceeds"), (np.abs(second.astype(float) - first) > limit).ravel())
    data, figures, _, _ = outputs(algorithm(image(first), image(second), Bound=""))
    assert data.GetPointData().GetArray("p exceeds") is None
    assert np.isnan(figures["bound"]) and figures["beyond"] == 0


def test_what_has_no_value_is_not_measured_but_counted() -> None:
    first, second = fields()
    first[0, 0, 0] = second[0, 0, 0] = np.nan  # neither has a value
    second[1, 2, 3] = np.nan
    data, figures, _, _ = outputs(algorithm(image(first), image(second)))
    known = np.isfinite(second)
    assert figures["places"] == known.sum() and figures["left_out"] == 1
    measured = metrics.measure(first, second, known)
    for name in ("psnr", "rmse", "max_error", "ssim"):
        assert figures[name] == pytest.approx(getattr(measured, name), rel=1e-6)
    np.testing.assert_array_equal(np.isnan(array(data, "p error")), ~known.ravel())


def test_equal_fields() -> None:
    first, _ = fields()
    made = algorithm(image(first), image(first))
    _, figures, histogram, _ = outputs(made)
    assert figures["psnr"] == np.inf and figures["max_error"] == 0 and figures["ssim"] == 1
    assert histogram["count"].sum() == first.size
    assert "PSNR: inf dB" in made.GetReport()


@pytest.mark.parametrize("association", ["point", "cell"])
def test_a_carried_file_is_decoded_on_its_own_grid(association: str) -> None:
    field = latents_alone(
        DIMS, geometry=Geometry(DIMS[::-1], (1.0, 2.0, 3.0), (0.5, 0.25, 2.0), association=association)
    )
    file = file_of(field)
    decoded = file.decode()
    original = vtk_bridge.empty_image(decoded.geometry)
    values = decoded.values + np.random.default_rng(1).normal(0, 0.01, decoded.values.shape).astype(np.float32)
    vtk_bridge.add_volume(original, Volume(values, decoded.geometry, "another name"))
    carrying = vtkPolyData()
    carrier.attach(carrying, file.to_bytes(), {}, HISTORY)
    made = algorithm(original, carrying)
    data, figures, _, history = outputs(made)
    difference = decoded.values.astype(np.float64) - values
    np.testing.assert_allclose(array(data, "another name error", association), difference.ravel(), atol=1e-6)
    assert figures["ssim"] == pytest.approx(metrics.ssim(values, decoded.values))
    place = np.unravel_index(np.abs(difference).argmax(), difference.shape)
    index = np.array(place[::-1]) + (0.5 if association == "cell" else 0.0)
    worst = [figures[f"worst_{axis}"] for axis in "xyz"]
    np.testing.assert_allclose(worst, np.array([1.0, 2.0, 3.0]) + index * [0.5, 0.25, 2.0])
    assert history == HISTORY
    assert "neural file" in made.GetReport() and "none is carried" not in made.GetReport()
    # The original may carry the file itself.
    carrier.attach(original, file.to_bytes(), {}, HISTORY)
    assert outputs(algorithm(original))[1] == pytest.approx(figures, nan_ok=True)


def test_points_of_a_mesh_and_of_another_image() -> None:
    field = latents_alone(DIMS[::-1])
    file = file_of(field)
    where = np.random.default_rng(3).uniform(0, 7, (50, 3))
    where[-1] = 100.0  # outside
    points = vtkPoints()
    points.SetData(vtk_bridge.data_array(where, "places"))
    mesh = vtkPolyData()
    mesh.SetPoints(points)
    truth = np.sin(where[:, 0])
    vtk_bridge.add_array(mesh, "point", truth, field.name)
    carrying = vtkImageData()
    carrier.attach(carrying, file.to_bytes())
    data, figures, _, _ = outputs(algorithm(mesh, carrying))
    sampled = file.sample(where)
    np.testing.assert_allclose(array(data, f"{field.name} error")[:-1], (sampled - truth)[:-1], atol=1e-6)
    assert figures["left_out"] == 1 and np.isnan(array(data, f"{field.name} error")[-1])
    assert np.isnan(figures["ssim"])

    whole = file.decode(scale=2)
    finer = vtk_bridge.empty_image(whole.geometry)
    vtk_bridge.add_volume(finer, whole)
    carrier.attach(finer, file.to_bytes())
    exact = outputs(algorithm(mesh, finer))[1]["rmse"]
    between = outputs(algorithm(mesh, finer, Compared="array"))[1]["rmse"]
    assert exact == pytest.approx(figures["rmse"]) and between != pytest.approx(exact, rel=1e-9)
    assert between == pytest.approx(exact, rel=0.2)


def test_the_array_that_lies_on_the_same_places_comes_first() -> None:
    first, second = fields()
    field = latents_alone(DIMS[::-1], geometry=Geometry(DIMS))
    other = image(second)
    carrier.attach(other, file_of(field).to_bytes())
    assert outputs(algorithm(image(first), other))[1]["rmse"] == pytest.approx(metrics.rmse(first, second))
    decoded = file_of(field).decode().values
    from_file = outputs(algorithm(image(first), other, Compared="neural-file"))[1]
    assert from_file["rmse"] == pytest.approx(metrics.rmse(first, decoded))
    moved = image(second, origin=(0.5, 0.0, 0.0))
    assert outputs(algorithm(image(first), moved))[1]["left_out"] == DIMS[1] * DIMS[2]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"ComparedArray": "q"}, "has no array 'q'"),
        ({"Compared": "neural-file"}, "carries no neural file"),
        ({"Compared": "both"}, "one of auto, array, neural-file"),
        ({"Bound": "much"}, "share of the value range"),
        ({"Bins": 0}, "Bins must be from 1"),
    ],
)
def test_what_cannot_be_done_is_said(settings: dict[str, Any], words: str) -> None:
    first, second = fields()
    made = algorithm(image(first), image(second), **settings)
    assert len(made.said) == 1 and words in made.said[0] and words in made.GetReport()
    assert "unforeseen" not in made.said[0]
    assert made.GetOutputDataObject(0).GetNumberOfPoints() == 0
    assert made.GetOutputDataObject(1).GetNumberOfRows() == 0


def test_inputs_that_cannot_be_compared() -> None:
    first, second = fields()
    vectors = image(fields(3)[0])
    apart = image(second, origin=(1000.0, 0.0, 0.0))
    nothing = image(np.full_like(first, np.nan))
    for original, other, words in (
        (composite(a=vectors, b=image(first)), composite(a=vectors, b=image(first)), "3 and 1 components|1 and 3"),
        (composite(a=image(first, "q")), image(first), "carries no neural file and has no array 'q'"),
        (vtkTable(), image(first), "a data set or blocks of data sets"),
        (vectors, image(first), "3 component(s)"),
        (image(first), apart, "at no place"),
        (nothing, image(first), "at no place"),
        (image(first), None, "carries no neural file"),
        (vtkPolyData(), image(first), "no point or cell array"),
    ):
        made = algorithm(original, other)
        assert len(made.said) == 1 and any(word in made.said[0] for word in words.split("|")), made.said


def test_blocks_are_measured_as_one() -> None:
    first, second = fields()
    wide, near = 3 * first[:4], 3 * second[:4]
    near[1, 2, 3] = wide[1, 2, 3] + 9
    originals = composite(a=image(first), other=image(first, "q"), b=image(wide, origin=(50.0, 0.0, 0.0)))
    made = algorithm(originals, composite(b=image(near, origin=(50.0, 0.0, 0.0)), a=image(second)), Bound="0.2")
    output, figures, histogram, _ = outputs(made)
    errors = np.concatenate([(second - first).ravel(), (near - wide).ravel()]).astype(np.float64)
    values = np.concatenate([first.ravel(), wide.ravel()])
    assert figures["rmse"] == pytest.approx(np.sqrt(np.mean(errors**2)), rel=1e-6)
    assert figures["psnr"] == pytest.approx(20 * np.log10(np.ptp(values) / figures["rmse"]), rel=1e-6)
    assert figures["max_error"] == pytest.approx(np.abs(errors).max(), rel=1e-6)
    assert figures["places"] == errors.size == sum(histogram["count"])
    assert figures["worst_block"] == "b" and "in b" in made.GetReport()
    assert [figures[f"worst_{axis}"] for axis in "xyz"] == [53.0, 2.0, 1.0]
    assert np.isnan(figures["ssim"])
    assert [output.GetMetaData(n).Get(vtkCompositeDataSet.NAME()) for n in range(3)] == ["a", "other", "b"]
    found = [vtk_to_numpy(output.GetBlock(n).GetPointData().GetArray("p error")) for n in (0, 2)]
    np.testing.assert_allclose(np.concatenate(found), errors, atol=1e-6)
    marked = sum(vtk_to_numpy(output.GetBlock(n).GetPointData().GetArray("p exceeds")).sum() for n in (0, 2))
    assert marked == figures["beyond"] == (np.abs(errors) > 0.2).sum()
    assert not output.GetBlock(1).GetPointData().HasArray("p error")


def test_blocks_that_carry_the_file_themselves() -> None:
    file = file_of(latents_alone(DIMS))
    decoded = file.decode()
    whole = composite(a=image(decoded.values + 0.25, file.fields[0].name))
    carrier.attach(whole, file.to_bytes())
    made = algorithm(whole)
    assert outputs(made)[1]["mean_error"] == pytest.approx(-0.25, abs=1e-5)
    assert "neural file" in made.GetReport()


def test_blanked_places_are_left_alone() -> None:
    first, second = fields()
    original = image(first)
    original.BlankPoint(5)
    figures = outputs(algorithm(original, image(second)))[1]
    assert (figures["places"], figures["left_out"]) == (first.size - 1, 0)


def test_history_of_another_kind_is_refused() -> None:
    data = vtkImageData()
    carrier.attach(data, b"", None, HISTORY)
    assert carrier.history(data) == json.loads(json.dumps(HISTORY))
    data.GetFieldData().GetAbstractArray(carrier.HISTORY).SetValue(0, "[1, 2")
    with pytest.raises(Exception, match="no training history"):
        carrier.history(data)
    assert carrier.history(None) == carrier.history(vtkImageData()) == {}
    assert vtk_to_numpy(vtk_bridge.data_array(np.arange(3.0), "a")).tolist() == [0, 1, 2]
