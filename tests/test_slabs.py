"""Volumes of any size in little memory: decoded and written layer after layer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from example_fields import field_of

import srn_core.decoding as decoding
from srn_core import codec, coordinates
from srn_core.codec import NeuralField, Plateau, StoredArray
from srn_core.codec.pyramids import BITS
from srn_core.errors import SrnInputError, SrnStoppedError
from srn_core.io import read_volume, write_volume
from srn_core.io.write import takes_slabs, write_slabs
from srn_core.neural_file import NeuralFile
from srn_core.pyramid import pyramid_of
from srn_core.spec import FvSrnSpec
from srn_core.volume import Geometry

ROOT = Path(__file__).resolve().parents[1]
DIMS = (11, 9, 8)


def pyramid_field(
    dims: tuple[int, int, int] = DIMS, components: int = 1, filter_: Any = (), **more: Any
) -> NeuralField:
    shape = dims[::-1]
    pyramid = pyramid_of("bior4.4", (("zyx", 2),))
    spec = FvSrnSpec(coordinates.half_extent(dims), components, (), 0, components, shape, pyramid, True, filter_)
    rng = np.random.default_rng(0)
    arrays = {
        "coefficients": StoredArray(
            (rng.laplace(size=(components, *shape)) * 40).astype(np.int32), BITS, step=float(np.float32(0.01))
        )
    }
    for name, size in spec.filter_shapes().items():
        arrays[name] = StoredArray(rng.integers(-9, 9, size).astype(np.int32), 8, step=float(np.float32(0.01)))
    known: dict[str, Any] = {
        "geometry": Geometry(dims, (1.0, 2.0, 3.0), (0.5, 1.0, 2.0), start=(2, 0, -1)),
        "value_range": ((-3.0, 250.0),) * components,
        "vector": components > 1,
    }
    return field_of(spec, arrays, **{**known, **more})


def mask_of(dims: tuple[int, int, int], seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random(dims[::-1]) > 0.2


FIELDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "vectors": {"components": 3},
    "bytes": {"dtype": "uint8"},
    "holes": {"valid": mask_of(DIMS, 1), "plateau": Plateau(~mask_of(DIMS, 2), (7.0,))},
    "cells of bytes with holes": {
        "dtype": "uint8",
        "valid": mask_of(DIMS, 3),
        "geometry": Geometry(DIMS, association="cell"),
    },
    "bool": {"dtype": "bool", "value_range": ((0.0, 1.0),)},
    "half": {"dtype": "float16", "time": 2.5},
}


@pytest.fixture(autouse=True)
def thin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "SLAB", 2 * 11 * 9)


def file_of(name: str) -> NeuralFile:
    return NeuralFile.from_bytes(codec.to_bytes([pyramid_field(**FIELDS[name])]))


@pytest.mark.parametrize("ending", [".vti", ".npy", ".raw"])
@pytest.mark.parametrize("name", FIELDS)
def test_files_written_by_layers_are_those_written_at_once(name: str, ending: str, tmp_path: Path) -> None:
    file = file_of(name)
    assert takes_slabs(tmp_path / f"a{ending}")
    whole = file.decode()
    write_volume(tmp_path / f"whole{ending}", whole)
    told = file.decoding()
    slabs = list(told.slabs())
    assert len(slabs) == 4 and all(s.dtype == whole.values.dtype for s in slabs)
    write_slabs(tmp_path / f"slabs{ending}", told.outline, iter(slabs))
    assert (tmp_path / f"slabs{ending}").read_bytes() == (tmp_path / f"whole{ending}").read_bytes()
    back = read_volume(tmp_path / f"slabs{ending}")
    assert back.values.shape == whole.values.shape
    if ending == ".raw":
        beside = [(tmp_path / f"{n}.raw.json").read_text() for n in ("whole", "slabs")]
        assert beside[0] == beside[1]


def test_other_formats_take_no_layers(tmp_path: Path) -> None:
    assert not any(takes_slabs(tmp_path / f"a{ending}") for ending in (".npz", ".nrrd", ".mha", ".h5"))


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    told = file_of("plain").decoding()
    calls = 0

    def stop(_: Any) -> bool:
        nonlocal calls
        calls += 1
        return calls < 3

    with pytest.raises(SrnStoppedError):
        write_slabs(tmp_path / "a.npy", told.outline, told.slabs(stop))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", FIELDS)
def test_values_go_where_they_are_asked_to(name: str, tmp_path: Path) -> None:
    file = file_of(name)
    whole = file.decode()
    out = np.memmap(tmp_path / "values", whole.values.dtype, "w+", shape=whole.values.shape)
    found = file.decode(out=out)
    assert found.values is out
    np.testing.assert_array_equal(out, whole.values)
    with pytest.raises(SrnInputError, match="out must have the shape"):
        file.decode(out=np.zeros((1, 2, 3)))


def test_the_outline_takes_no_memory() -> None:
    outline = file_of("plain").decoding(dims=(4000, 4000, 4000)).outline
    assert outline.values.shape == (4000, 4000, 4000) and not any(outline.values.strides)


CHILD = """
import resource, sys
import numpy as np
from srn_core.cli import main
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
import onnxruntime, onnx, srn_core.api
before = peak()
assert main(["decompress", sys.argv[1], sys.argv[2], "--scale", "4", "--quiet"]) == 0
print(peak() - before)
"""


@pytest.mark.slow
@pytest.mark.parametrize("ending", [".npy", ".vti"])
def test_a_fine_grid_is_written_in_bounded_memory(ending: str, tmp_path: Path) -> None:
    """384 cubed is 226 MB; the file's own 96 cubed, decoded and filtered, some 20."""
    codec.write(tmp_path / "a.srn", pyramid_field((96, 96, 96), filter_=(8,)))
    command = [sys.executable, "-c", CHILD, str(tmp_path / "a.srn"), str(tmp_path / f"fine{ending}")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / f"fine{ending}").stat().st_size > 384**3 * 4
    assert float(done.stdout) < 80, "MiB above what Python and its packages take"
