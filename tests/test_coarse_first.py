"""Two passes where there is a window: few samples first, then all; everywhere else one."""

from __future__ import annotations

from pathlib import Path

import pytest
from example_fields import field_of, fvsrn
from srn_filters import decoded_grid
from srn_filters.decoded_grid import COARSE_SAMPLES, COARSEST, FEW_SAMPLES, DecodedGrid, Fineness
from srn_filters.reader import SrnReader
from vtkmodules.vtkCommonExecutionModel import vtkStreamingDemandDrivenPipeline as Pipeline

import srn_core
from srn_core import codec
from srn_core.volume import Geometry

GOLDEN = Path(__file__).with_name("golden")
WHOLE = (36, 36, 36)
COARSE = (9, 9, 9)


class InWindow(SrnReader):
    """A reader in a window that counts what it is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def has_window(self) -> bool:
        return True

    def refine_when_idle(self) -> None:
        self.asked += 1


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of 9 x 9 x 9 samples; more than 2000 are too many for one pass."""
    monkeypatch.setattr(decoded_grid, "FEW_SAMPLES", 2000)
    monkeypatch.setattr(decoded_grid, "COARSE_SAMPLES", 1000)
    codec.write(tmp_path / "field.srn", [field_of(fvsrn(), geometry=Geometry((9, 9, 9)))])
    return tmp_path / "field.srn"


def updated(reader: SrnReader) -> tuple[int, ...]:
    """Samples of what comes out, which are those that were announced."""
    reader.Update()
    announced = reader.GetOutputInformation(0).Get(Pipeline.WHOLE_EXTENT())
    image = reader.GetOutputDataObject(0)
    assert image.GetExtent() == announced and image.GetPointData().GetArray(0).GetNumberOfTuples() > 0
    return tuple(image.GetDimensions())


def opened(kind: type[SrnReader], path: Path, scale: float = 4.0) -> SrnReader:
    reader = kind()
    reader.AddFileName(str(path))
    reader.SetScale(scale)
    reader.SetCoarseFirst(1)
    return reader


def test_each_change_of_a_setting_begins_coarse(path: Path) -> None:
    reader = opened(InWindow, path)
    assert updated(reader) == COARSE and updated(reader) == COARSE and reader.asked == 1
    reader.refine()
    assert not reader.coarse
    assert updated(reader) == WHOLE and updated(reader) == WHOLE and reader.asked == 1
    reader.SetGradient(1)
    assert updated(reader) == COARSE and reader.asked == 2
    reader.refine()
    assert updated(reader) == WHOLE
    reader.SetCoarseFirst(0)
    assert updated(reader) == WHOLE and reader.asked == 2


def test_what_is_decoded_in_no_time_is_never_coarse(path: Path) -> None:
    assert updated(opened(InWindow, path, 1.0)) == (9, 9, 9)


def test_without_a_window_there_is_one_pass(path: Path) -> None:
    assert updated(opened(SrnReader, path)) == WHOLE


def test_an_error_is_not_asked_for_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = opened(InWindow, tmp_path / "nowhere.srn")
    said: list[str] = []
    monkeypatch.setattr(reader, "failed", said.append)
    reader.Update()
    assert len(said) == 1 and "nowhere.srn" in said[0] and reader.asked == 0


def test_arrays_on_another_grid_are_left_out_by_name() -> None:
    file = srn_core.load(GOLDEN / "grids.srn")
    grid = DecodedGrid(file, file.fields, Fineness())
    assert grid.left_out == ["pressure", "bent", "sheet"]


@pytest.mark.parametrize("dims", [(128, 128, 128), (129, 128, 128), (1, 4000, 4000), (4000, 4000, 4000)])
def test_coarse_is_fine_enough(dims: tuple[int, int, int]) -> None:
    box = Geometry(dims)
    found = Fineness().coarse(box)
    x, y, z = found.dims_for(box)
    if dims[0] * dims[1] * dims[2] <= FEW_SAMPLES:
        assert found == Fineness()
    else:
        assert x * y * z <= COARSE_SAMPLES or found.level == COARSEST
        a, b, c = Fineness(level=found.level - 1).dims_for(box)
        assert a * b * c > COARSE_SAMPLES
