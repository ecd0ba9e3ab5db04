"""Fields that are added to an earlier one of the same file: the format, and what the decoder makes of them."""

from __future__ import annotations

import copy
import struct
import zlib
from dataclasses import replace
from typing import Any, Callable

import numpy as np
import onnxruntime
import pytest
from added_fields import added_step, apart, chain
from example_fields import assert_same, field_of, neurcomp
from hypothesis import given, settings
from hypothesis import strategies as st

from onnx_export.decoder import Decoder
from onnx_export.grid_filter import GridFilter
from srn_core import codec, neural_file
from srn_core.codec import added, header_text
from srn_core.codec.container import MAGIC, PREFIX
from srn_core.codec.join import joined
from srn_core.errors import SrnFormatError, SrnInputError, SrnStoppedError
from srn_core.neural_file import NeuralFile

FILTERS: list[tuple[int, ...]] = [(4,), (), (3,), ()]


def version_of(data: bytes) -> int:
    return int(struct.unpack_from("<4sH", data)[1])


def forged(data: bytes, change: Callable[[list[dict[str, Any]]], Any]) -> bytes:
    """The file with a changed list of fields in its header, and right checksums."""
    length = PREFIX.unpack_from(data)[2]
    header = copy.deepcopy(header_text.decode(data[PREFIX.size : PREFIX.size + length]))
    change(header["fields"])
    packed = header_text.encode(header)
    front = struct.pack("<4sHI", MAGIC, codec.FORMAT_VERSION, len(packed))
    return front + struct.pack("<I", zlib.crc32(front + packed)) + packed + data[PREFIX.size + length :]


@settings(deadline=None, max_examples=20)
@given(st.data())
def test_any_chains_come_back(data):
    fields: list[Any] = []
    for number in range(data.draw(st.integers(1, 6))):
        components = 2 if number % 3 == 2 else 1
        known = [field for field in fields if field.spec.components == components]
        before = data.draw(st.one_of(st.none(), st.sampled_from(known))) if known else None
        filter_ = (2,) if data.draw(st.booleans()) else ()
        fields.append(added_step(number, before, (5, 4, 3), filter_, components, levels=1))
    content = codec.to_bytes(fields)
    found = codec.from_bytes(content)
    for one, other in zip(fields, found):
        assert_same(one, other)
        assert one.adds_to is None or other.adds_to is found[next(i for i, f in enumerate(fields) if f is one.adds_to)]
    assert version_of(content) == (7 if any(field.adds_to is not None for field in fields) else 2)
    assert codec.to_bytes(found) == content


def test_only_what_needs_it_is_of_version_7():
    fields = chain([(), ()])
    assert version_of(codec.to_bytes(fields)) == 7 and version_of(codec.to_bytes(apart(fields))) == 2


def test_a_field_is_not_written_without_the_one_that_it_is_added_to():
    first, second, third = chain([(), (), ()])
    for fields in ([second], [first, third], [second, first], [replace(first, units="K"), second]):
        with pytest.raises(SrnInputError, match="'pressure' is added to one that does not stand before it"):
            codec.to_bytes(fields)


def test_joining_moves_what_fields_are_added_to():
    one, two = chain([(), ()]), [added_step(7), added_step(8)]
    two[1] = replace(two[1], adds_to=two[0])
    whole = joined([codec.to_bytes(field_of(neurcomp())), codec.to_bytes(one), codec.to_bytes(two)])
    found = codec.from_bytes(whole)
    assert [field.adds_to for field in found] == [None, None, found[1], None, found[3]]
    again = joined([codec.to_bytes(field) for field in apart([*one, *two])], adds_to=[None, 0, None, 2])
    found = codec.from_bytes(again)
    assert [field.adds_to for field in found] == [None, found[0], None, found[2]]
    with pytest.raises(SrnInputError, match="cannot be stored in one .srn file: .* of its kind"):
        joined([codec.to_bytes(field_of(neurcomp())), codec.to_bytes(one[0])], adds_to=[None, 0])


def _put(place: int, name: str, value: Any) -> Callable[[list[dict[str, Any]]], None]:
    return lambda fields: fields[place].update({name: value})


def _in_spec(place: int, name: str, value: Any) -> Callable[[list[dict[str, Any]]], None]:
    return lambda fields: fields[place]["spec"].update({name: value})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_put(0, "adds_to", 1), "comes later"),
        (_put(1, "adds_to", 1), "comes later"),
        (_put(1, "adds_to", 99), "comes later"),
        (_put(1, "adds_to", -1), "must be a whole number"),
        (_put(1, "adds_to", "0"), "must be a whole number"),
        (_put(3, "adds_to", 0), "not of its kind"),
        (_put(4, "adds_to", 0), "not of its kind"),
        (lambda fields: fields[1]["geometry"].update(origin=[0.0, 0.0, 1.0]), "not of its kind"),
        (_in_spec(1, "half_extent", [1.0, 1.0, 1.0]), "not of its kind"),
        (lambda fields: fields[0]["spec"]["wavelet"].update(groups=[["zyx", 1]]), "not of its kind"),
        (_put(1, "range", [[0.0, 0.0]]), "very different range"),
        (_put(0, "range", [[-5000.0, 5000.0]]), "very different range"),
        (_put(0, "range", [[1e300, 1.5e300]]), "very different range"),
    ],
)
def test_lies_about_what_is_added_are_named(change, said):
    fields = [*chain([(), (), ()]), added_step(6, dims=(9, 11, 14), time=9.0), field_of(neurcomp(), name="other")]
    data = codec.to_bytes(fields)
    assert forged(data, lambda fields: None) == data
    with pytest.raises(SrnFormatError, match=said):
        NeuralFile.from_bytes(forged(data, change))


def test_chains_have_an_end():
    fields = chain([()] * (added.MOST_ADDED + 2), dims=(3, 2, 2), levels=1, value_range=((0.0, 1.0),))
    with pytest.raises(SrnInputError, match="more than 63 fields"):
        codec.to_bytes(fields)
    found = NeuralFile.from_bytes(codec.to_bytes(fields[:-1]))
    assert np.isfinite(found.decode(array=found.fields[-1]).values).all()


@pytest.fixture(scope="module", params=[1, 2], ids=["scalar", "vector"])
def steps(request: Any) -> tuple[bytes, bytes]:
    """A file of a chain, and one of the same fields without."""
    fields = chain(FILTERS, components=request.param)
    return codec.to_bytes(fields), codec.to_bytes(apart(fields))


def offsets(file: NeuralFile, number: int) -> np.ndarray:
    """What must be taken from the sum of parts: each but the first one is counted from the middle of its range."""
    middles = [np.array(field.value_range).mean(axis=1) for field in file.fields[1 : number + 1]]
    return np.sum([np.zeros(len(file.fields[0].value_range)), *middles], axis=0)


GRIDS: list[dict[str, Any]] = [
    {},
    {"scale": 1.7},
    {"region": (2, 9, 3, 3, 0, 8)},
    {"dims": (5, 40, 3), "part": (1, 3, 10, 20, 0, 2)},
    {"scale": 0.5, "level": 1},
]


@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_grids_are_the_sum_of_parts(steps, grid):
    file, parts = (NeuralFile.from_bytes(data) for data in steps)
    total = 0.0
    for number, (field, part) in enumerate(zip(file.fields, parts.fields)):
        total = total + parts.decode(array=part, dtype="float64", **grid).values
        found = file.decode(array=field, dtype="float64", **grid).values
        wanted = total - (offsets(file, number) if field.vector else offsets(file, number)[0])
        np.testing.assert_allclose(found, wanted, atol=3e-6)
        alone = NeuralFile.from_bytes(steps[0]).decode(time=field.time, dtype="float64", **grid).values
        np.testing.assert_array_equal(alone, found)


def test_points_and_gradients_are_the_sum_of_parts(steps):
    file, parts = (NeuralFile.from_bytes(data) for data in steps)
    geometry = file.fields[0].geometry
    points = geometry.position_of(np.random.default_rng(0).random((200, 3)) * (np.array(geometry.dims) - 1))
    total, slopes, on_grid = 0.0, 0.0, 0.0
    for number, (field, part) in enumerate(zip(file.fields, parts.fields)):
        values, gradient = parts.sample_with_gradient(points, part)
        total, slopes = total + values, slopes + gradient
        on_grid = on_grid + parts.decode_with_gradient(array=part, scale=1.3)[1].values.astype(np.float64)
        found = file.sample_with_gradient(points, field)
        wanted = total - (offsets(file, number) if field.vector else offsets(file, number)[0])
        np.testing.assert_allclose(found[0], wanted, atol=3e-6)
        np.testing.assert_allclose(found[1], slopes, atol=2e-4)
        np.testing.assert_allclose(file.sample(points, field), wanted, atol=3e-6)
        np.testing.assert_allclose(file.decode_with_gradient(array=field, scale=1.3)[1].values, on_grid, atol=2e-4)


def test_a_few_points_are_the_same_before_and_after_all_is_decoded(steps):
    file = NeuralFile.from_bytes(steps[0])
    points = np.array([[1.3, 2.2, 4.5], [6.9, 4.1, 18.2]])
    early = file.sample(points, time=3.0)
    file.decode(time=3.0)
    np.testing.assert_array_equal(file.sample(points, time=3.0), early)


@pytest.mark.parametrize("small", [None, True, False])
def test_an_exported_model_holds_the_sum(steps, small):
    file = NeuralFile.from_bytes(steps[0])
    model = file.onnx_bytes(time=2.0, small=small, gradient=True)
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    half = np.array(file.fields[2].spec.half_extent)
    unit = np.random.default_rng(1).uniform(-1, 1, (50, 3))
    values, gradient = session.run(["values", "gradient"], {"points": (unit * half).astype(np.float32)})
    geometry = file.fields[2].geometry
    world = geometry.position_of((unit + 1) / 2 * (np.array(geometry.dims) - 1))
    wanted, slopes = file.sample_with_gradient(world, file.fields[2])
    np.testing.assert_allclose(values.reshape(wanted.shape), wanted, atol=2e-5)
    np.testing.assert_allclose(gradient.reshape(slopes.shape), slopes, atol=2e-3)


def test_surfaces_are_those_of_the_sum(steps):
    file = NeuralFile.from_bytes(steps[0])
    field = file.fields[3]
    values = file.decode(array=field).values
    values = values[..., 0] if field.vector else values
    isovalue = float(np.median(values))
    some, every = (file.surface_blocks([isovalue], field, edge=4, exhaustive=all_) for all_ in (False, True))
    assert some.exact
    held = [{block.start: block.values for block in blocks.blocks()} for blocks in (some, every)]
    assert held[0].keys() == held[1].keys() and held[0]
    for start, block in held[0].items():
        np.testing.assert_array_equal(block, held[1][start])
        x, y, z = start
        nz, ny, nx = block.shape
        np.testing.assert_array_equal(block, values[z : z + nz, y : y + ny, x : x + nx])


@pytest.mark.parametrize("room", [0, 1 << 29], ids=["no-room", "room"])
def test_going_forwards_decodes_each_step_once(steps, room, monkeypatch):
    """And any other order gives the same, to the bit."""
    monkeypatch.setattr(neural_file, "MOST_DECODED", room)
    made: list[float] = []
    run = GridFilter.__init__

    def counted(self: Any, spec: Any, *rest: Any, **more: Any) -> None:
        made.append(spec.filter)
        run(self, spec, *rest, **more)

    monkeypatch.setattr(GridFilter, "__init__", counted)
    file = NeuralFile.from_bytes(steps[0])
    forwards = [file.decode(array=field).values for field in file.fields]
    assert made == [filter_ for filter_ in FILTERS if filter_] and len(file._decoders) == (4 if room else 2)
    for number in (3, 1, 0, 2):
        alone = NeuralFile.from_bytes(steps[0])
        np.testing.assert_array_equal(alone.decode(array=alone.fields[number]).values, forwards[number])
    for number in (2, 3, 0, 3, 1):
        np.testing.assert_array_equal(file.decode(array=file.fields[number]).values, forwards[number])


def test_a_slice_decodes_no_more_of_the_steps_below(monkeypatch):
    fields = chain([(2,), (2,), ()], dims=(40, 33, 36))
    costs: list[int] = []
    run = GridFilter.run

    def counted(self: Any, grid: Any, boxes: Any, *rest: Any, **more: Any) -> None:
        costs.append(sum(int(np.prod([part.stop - part.start for part in box])) for box in boxes))
        run(self, grid, boxes, *rest, **more)

    monkeypatch.setattr(GridFilter, "run", counted)
    monkeypatch.setattr("onnx_export.grid_filter.BOX_NUMBERS", 1 << 11)
    data = codec.to_bytes(fields)
    thin = {"region": (0, 39, 0, 32, 3, 3), "time": 2.0}
    piece = NeuralFile.from_bytes(data).decode(**thin).values
    assert 0 < sum(costs) < 0.2 * 2 * 40 * 33 * 36
    whole = NeuralFile.from_bytes(data).decode(time=2.0).values
    np.testing.assert_array_equal(piece, whole[3:4])


def test_progress_goes_on_and_can_stop(steps):
    told: list[float] = []
    NeuralFile.from_bytes(steps[0]).decode(time=3.0, progress=lambda report: told.append(report.fraction))
    assert told == sorted(told) and told[-1] == pytest.approx(1.0)
    with pytest.raises(SrnStoppedError):
        NeuralFile.from_bytes(steps[0]).decode(time=3.0, progress=lambda report: False)


def test_a_decoder_needs_nobody_to_give_it_what_is_below(steps):
    file = NeuralFile.from_bytes(steps[0])
    axes = [np.linspace(-half, half, 7) for half in file.fields[3].spec.half_extent]
    given = Decoder(file.fields[3]).grid(*axes)
    np.testing.assert_array_equal(given, file._decoder(file.fields[3]).grid(*axes))


def test_integers_are_rounded_once():
    fields = [replace(field, dtype="int16", value_range=((-900.0, 800.0),)) for field in chain([(), ()])[:1]]
    fields.append(replace(added_step(1, fields[0]), dtype="int16", value_range=((-700.0, 800.0),)))
    file, parts = NeuralFile.from_bytes(codec.to_bytes(fields)), NeuralFile.from_bytes(codec.to_bytes(apart(fields)))
    exact = sum(parts.decode(array=field, dtype="float64").values for field in parts.fields) - 50.0
    found = file.decode(time=1.0)
    assert found.values.dtype == np.int16
    apart_by = np.abs(found.values - exact)
    assert apart_by.max() <= 0.5 + 1e-3


def test_what_can_be_added_is_of_one_kind():
    spec = added_step(0).spec
    assert added.can_be_added(spec, added_step(1).spec)
    for other in (neurcomp(), added_step(1, levels=1).spec, added_step(1, components=2).spec):
        assert not added.can_be_added(spec, other) and not added.can_be_added(other, spec)
