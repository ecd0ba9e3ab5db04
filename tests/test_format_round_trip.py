"""What goes into a file comes out of it, to the bit, and it is small."""

from __future__ import annotations

import dataclasses
import math
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from example_fields import assert_same, field_of, filled, fvsrn, neural_fields, neurcomp, specs, stored
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from srn_core import codec
from srn_core.codec.header_dictionary import DICTIONARY, FIRST_DICTIONARY
from srn_core.errors import SrnFormatError, SrnInputError
from srn_core.spec import ConstantSpec
from srn_core.volume import Geometry

ROOT = Path(__file__).resolve().parents[1]

relaxed = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None)


@relaxed
@given(neural_fields())
def test_any_field_comes_back(field):
    data = codec.to_bytes(field)
    (found,) = codec.from_bytes(data)
    assert_same(field, found)
    assert codec.to_bytes(found) == data


@settings(relaxed, max_examples=20)
@given(st.lists(neural_fields(), min_size=2, max_size=3))
def test_several_fields_come_back_in_order(fields):
    fields = [dataclasses.replace(f, name=f"{place}{f.name}") for place, f in enumerate(fields)]
    found = codec.from_bytes(codec.to_bytes(fields))
    assert len(found) == len(fields)
    for one, other in zip(fields, found):
        assert_same(one, other)


@settings(relaxed, max_examples=30)
@given(specs(), st.integers(1, 16), st.sampled_from(["uniform", "kmeans"]), st.sampled_from([0.0, 0.8, 1.0]))
def test_quantised_networks_come_back(spec, bits, method, zeros):
    field = field_of(spec, filled(spec, bits, method, zeros))
    (found,) = codec.from_bytes(codec.to_bytes(field))
    assert_same(field, found)
    assert found.parameters() == field.parameters()


@given(stored((3, 7, 11)))
def test_pruned_zeros_cost_little(array):
    """Whatever the codes, a file is never more than its dense codes and a header."""
    spec = fvsrn(wavelet=False, grid=(3, 7, 11))
    arrays = filled(spec)
    arrays["grid"] = dataclasses.replace(array, codes=np.stack([array.codes] * 3))
    size = len(codec.to_bytes(field_of(spec, arrays)))
    dense = sum(a.codes.size * ((max(a.bits, 2) + 7) // 8) for a in arrays.values())
    assert size <= dense + (0 if array.codebook is None else 4 * array.codebook.size) + 400


def test_the_header_is_small():
    field = field_of(
        neurcomp(),
        quality=codec.Quality(41.23456789, 0.0123456, 0.34567, 0.98765),
        provenance={"seed": 12345, "seconds": 119.87, "device": "cpu"},
        original_bytes=123456789,
    )
    data = codec.to_bytes(field)
    payload = sum(s.packed for s in codec.section_sizes(data)[1:])
    assert len(data) - payload < 400


def test_the_dictionary_never_changes():
    assert (len(FIRST_DICTIONARY), zlib.crc32(FIRST_DICTIONARY)) == (3161, 0x9B493415)
    assert (len(DICTIONARY), zlib.crc32(DICTIONARY)) == (4943, 0x95E88029)
    assert DICTIONARY.endswith(FIRST_DICTIONARY)


def test_zeros_of_a_pruned_grid_are_not_stored():
    spec = fvsrn(wavelet=False, grid=(16, 16, 16), features=4)
    sizes = [len(codec.to_bytes(field_of(spec, filled(spec, zeros=share)))) for share in (0.0, 0.5, 0.9, 1.0)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[2] < 0.25 * sizes[0]


def test_file_and_bytes_are_the_same(tmp_path):
    field = field_of(fvsrn())
    codec.write(tmp_path / "a.srn", field)
    assert (tmp_path / "a.srn").read_bytes() == codec.to_bytes([field])
    (found,) = codec.read(str(tmp_path / "a.srn"))
    assert_same(field, found)
    (found,) = codec.from_bytes(memoryview((tmp_path / "a.srn").read_bytes()))
    assert_same(field, found)


def test_infinite_and_missing_quality():
    for values in ((math.inf, 0.0, 0.0, 1.0), (-math.inf, math.nan, math.inf, math.nan)):
        field = field_of(neurcomp(), quality=codec.Quality(*values), provenance={"psnr": values[0], "a": [values[1]]})
        (found,) = codec.from_bytes(codec.to_bytes(field))
        np.testing.assert_array_equal(list(vars(found.quality).values()), values)
        assert found.provenance["psnr"] == values[0]


def test_time_steps_share_a_mask():
    valid = np.random.default_rng(0).random((40, 50, 60)) < 0.5
    geometry = Geometry((60, 50, 40))
    steps = [field_of(neurcomp(), geometry=geometry, valid=valid.copy(), time=float(t)) for t in range(3)]
    alone, together = (len(codec.to_bytes(steps[:n])) for n in (1, 3))
    assert together - alone < valid.size / 8
    for step, found in zip(steps, codec.from_bytes(codec.to_bytes(steps))):
        assert_same(step, found)


def test_provenance_order_does_not_change_the_bytes():
    one, two = (field_of(neurcomp(), provenance=p) for p in ({"a": 1, "b": 2}, {"b": 2, "a": 1}))
    assert codec.to_bytes(one) == codec.to_bytes(two)


def test_provenance_of_numpy_numbers_and_tuples():
    field = field_of(neurcomp(), provenance={"a": np.float32(0.5), "b": (1, np.int64(2)), "c": {"d": None}})
    (found,) = codec.from_bytes(codec.to_bytes(field))
    assert found.provenance == {"a": 0.5, "b": [1, 2], "c": {"d": None}}


def test_header_and_section_sizes_tell_where_bytes_go():
    fields = [
        field_of(
            fvsrn(), name="a", valid=np.eye(5, 35, dtype=bool).reshape(5, 7, 5)[..., :5], geometry=Geometry((5, 7, 5))
        ),
        field_of(ConstantSpec((1.0, 1.0, 1.0), 1), name="b"),
    ]
    data = codec.to_bytes(fields)
    header = codec.header_of(data)
    assert [f["name"] for f in header["fields"]] == ["a", "b"]
    assert header["fields"][0]["spec"]["kind"] == "fvsrn"
    assert header["generator"].startswith("paraview-srn ")
    sizes = codec.section_sizes(data)
    assert sum(s.packed for s in sizes) == len(data)
    assert sizes[0].holds == "header"
    assert sizes[-1].holds == "validity mask"
    assert {s.field for s in sizes} == {"", "a"}


def _without(field, name):
    return {k: v for k, v in field.arrays.items() if k != name}


def _with(field, *stored, **more):
    return {"arrays": {**field.arrays, "output.bias": codec.StoredArray(*stored, **more)}}


def test_incomplete_fields_are_not_written():
    good = field_of(neurcomp())
    array = good.arrays["output.bias"]
    for change, message in [
        ({"arrays": _without(good, "output.bias")}, "output.bias"),
        ({"arrays": {**good.arrays, "extra": array}}, "extra"),
        ({"arrays": {**good.arrays, "first.bias": array}}, r"shape \(1,\)"),
        (_with(good, np.array([999]), 8, step=1.0), "outside -128..127"),
        (_with(good, np.array([0]), 8), "neither"),
        (_with(good, np.array([0]), 8, step=math.inf), "finite step"),
        (_with(good, np.array([1]), 8, codebook=np.ones(1, np.float32)), "outside 0..0"),
        ({"dtype": "complex64"}, "dtype"),
        ({"value_range": ((0.0, 1.0), (0.0, 1.0))}, "ranges"),
        ({"value_range": ((0.0, math.nan),)}, "finite"),
        ({"value_range": ((1.0, 0.0),)}, "minimum"),
        ({"valid": np.ones((2, 2, 2), bool)}, "mask"),
        ({"time": math.inf}, "time"),
        ({"provenance": {"a": object()}}, "object"),
        ({"provenance": {1: 2}}, "key"),
        ({"name": "\ud800"}, "stored"),
        ({"spec": dataclasses.replace(good.spec, omega=math.nan)}, "omega"),
        ({"geometry": Geometry((2**31 - 1, 2**30, 1))}, "grid"),
    ]:  # fmt: skip
        with pytest.raises(SrnInputError, match=message):
            codec.to_bytes(dataclasses.replace(good, **change))
    with pytest.raises(SrnInputError, match="no field"):
        codec.to_bytes([])
    with pytest.raises(SrnInputError, match="twice"):
        codec.to_bytes([good, good])


def test_huge_grids_are_described_without_being_made():
    field = field_of(neurcomp(), geometry=Geometry((100_000, 100_000, 10_000)))
    (found,) = codec.from_bytes(codec.to_bytes(field))
    assert found.geometry.samples == 10**14


def test_a_failed_write_leaves_the_old_file(tmp_path):
    target = tmp_path / "a.srn"
    codec.write(target, field_of(neurcomp()))
    before = target.read_bytes()
    with pytest.raises(SrnInputError):
        codec.write(target, field_of(neurcomp(), dtype="object"))
    assert target.read_bytes() == before


def test_unreadable_paths(tmp_path):
    with pytest.raises(SrnInputError, match="no file"):
        codec.read(tmp_path / "missing.srn")
    with pytest.raises(SrnInputError, match="folder"):
        codec.read(tmp_path)
    (tmp_path / "text.srn").write_text("hello")
    with pytest.raises(SrnFormatError, match="not an SRN file"):
        codec.read(tmp_path / "text.srn")


def test_reading_imports_only_numpy_and_zstandard():
    script = (
        "import sys; from srn_core import codec; from pathlib import Path\n"
        "codec.from_bytes(Path(sys.argv[1]).read_bytes())\n"
        "heavy = {'torch', 'onnx', 'onnxruntime', 'sklearn', 'skimage', 'scipy', 'matplotlib', 'pywt'}\n"
        "print(sorted(heavy & {m.split('.')[0] for m in sys.modules}))\n"
    )
    golden = Path(__file__).parent / "golden" / "fvsrn-wavelet.srn"
    done = subprocess.run(
        [sys.executable, "-c", script, str(golden)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_time_steps_share_a_plateaus_mask():
    land = np.random.default_rng(1).random((40, 50, 60)) < 0.5
    geometry = Geometry((60, 50, 40))
    steps = [
        field_of(neurcomp(), geometry=geometry, plateau=codec.Plateau(land.copy(), (float(t),)), time=float(t))
        for t in range(3)
    ]
    alone, together = (len(codec.to_bytes(steps[:n])) for n in (1, 3))
    assert together - alone < land.size / 16
    for step, found in zip(steps, codec.from_bytes(codec.to_bytes(steps))):
        assert_same(step, found)


def test_a_few_corrections_cost_a_few_bytes():
    codes = np.zeros((128, 128, 128, 1), np.int32)
    plain = field_of(neurcomp(), geometry=Geometry((128, 128, 128)))
    few = np.random.default_rng(0).integers(0, codes.size, 50)
    codes.reshape(-1)[few] = np.random.default_rng(1).integers(1, 3, 50)
    field = dataclasses.replace(plain, corrections=codec.Corrections(codes, 0.01))
    assert len(codec.to_bytes(field)) - len(codec.to_bytes(plain)) < 260
    assert_same(field, codec.from_bytes(codec.to_bytes(field))[0])


def test_files_without_plateau_and_corrections_stay_of_version_1():
    assert codec.to_bytes(field_of(neurcomp()))[4:6] == b"\1\0"
    for more in (
        {"plateau": codec.Plateau(np.ones((5, 7, 9), bool), (1.0,))},
        {"corrections": codec.Corrections(np.zeros((5, 7, 9, 1), np.int32), 1.0)},
    ):
        assert codec.to_bytes(field_of(neurcomp(), **more))[4:6] == b"\2\0"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"plateau": codec.Plateau(np.ones((2, 2, 2), bool), (1.0,))}, "plateau's mask"),
        ({"plateau": codec.Plateau(np.ones((5, 7, 9), bool), (1.0, 2.0))}, "plateau of 2"),
        ({"plateau": codec.Plateau(np.ones((5, 7, 9), bool), (math.nan,))}, "finite"),
        ({"corrections": codec.Corrections(np.ones((5, 7, 9), np.int32), 1.0)}, "no integers of shape"),
        ({"corrections": codec.Corrections(np.ones((5, 7, 9, 1)), 1.0)}, "no integers of shape"),
        ({"corrections": codec.Corrections(np.full((5, 7, 9, 1), 1 << 15), 1.0)}, "beyond 32767"),
        ({"corrections": codec.Corrections(np.ones((5, 7, 9, 1), np.int32), math.inf)}, "step"),
        ({"corrections": codec.Corrections(np.ones((5, 7, 9, 1), np.int32), -1.0)}, "step"),
    ],
)
def test_plateaus_and_corrections_that_make_no_sense_are_not_written(change, message):
    with pytest.raises(SrnInputError, match=message):
        codec.to_bytes(field_of(neurcomp(), **change))
