"""The writer's guesses, against what is really made; and that it need not make much."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from example_fields import field_of, filled, fvsrn, neurcomp

from srn_core import codec
from srn_core.codec import entropy, significance
from srn_core.codec.candidates import Candidates, Group
from srn_core.codec.field import StoredArray
from srn_core.codec.grouping import _ways, code_type, smallest_groups
from srn_core.codec.guesses import Counts, together
from srn_core.codec.layouts import CodeType
from srn_core.codec.packing import pack_smallest

EIGHT = CodeType(8, True)


def arrays_of(zeros: float, bits: int, method: str, seed: int) -> list[StoredArray]:
    spec = fvsrn(grid=(12, 11, 13), features=4)
    stored = filled(spec, bits, method, zeros, seed)
    most = max(array.bits for array in stored.values())
    return [StoredArray(a.codes, most, a.step, a.codebook) for a in stored.values()]


@pytest.mark.parametrize("spread", [0.4, 2.0, 9.0, 60.0])
@pytest.mark.parametrize("count", [300, 3000, 40_000])
def test_counts_tell_what_noise_takes(spread, count):
    codes = np.rint(np.random.default_rng(count).laplace(scale=spread, size=count)).astype(np.int8)
    counts = Counts.of(codes.tobytes())
    assert counts.size == pytest.approx(len(pack_smallest(codes.tobytes())[1]), rel=0.1, abs=25)


def test_counts_see_repetitions_and_add_up():
    noise = np.random.default_rng(0).integers(0, 256, 500).astype(np.uint8).tobytes()
    once, often = Counts.of(noise), Counts.of(noise * 40)
    assert 480 < once.size <= 500
    assert often.size < 1000
    assert together([once, once]).counts.tolist() == Counts.of(noise * 2).counts.tolist()
    assert together([often, often]).size <= 2 * often.size + 1
    assert Counts.of(b"").size < 7


def test_drafts_tell_what_streams_take():
    arrays = [a.codes for a in arrays_of(0.8, 8, "uniform", 0)][:3]
    for draft in (
        significance.draft(arrays, EIGHT),
        entropy.draft([entropy.coded(codes, EIGHT) for codes in arrays], EIGHT),
    ):
        (stream,) = draft.streams()
        assert draft.size == pytest.approx(len(stream), rel=0.005, abs=4)
        assert sum(draft.shares) == pytest.approx(draft.coder.cost / 8)
        assert len(draft.shares) == len(arrays)


@pytest.mark.parametrize(("method", "bits"), [("uniform", 3), ("uniform", 8), ("uniform", 12), ("kmeans", 5)])
@pytest.mark.parametrize("zeros", [0.0, 0.5, 0.95])
def test_the_choice_is_nearly_as_small_as_any(zeros, method, bits):
    """Against all layouts in all ways, made and packed."""
    arrays = arrays_of(zeros, bits, method, bits)
    chosen = sum(group.cost for group in smallest_groups(arrays))
    alike: dict[CodeType, list[int]] = {}
    for place, array in enumerate(arrays):
        alike.setdefault(code_type(array), []).append(place)
    best = 0
    for kind, places in alike.items():
        all_of = Candidates(arrays, places, kind)
        best += min(sum(smallest(all_of, group).cost for group in way) for way in _ways(places, arrays))
    assert chosen <= 1.02 * best + 20


def smallest(all_of: Candidates, places: tuple[int, ...]) -> Group:
    return min((all_of._made(places, option) for option in all_of._options(places)), key=lambda group: group.cost)


def test_little_is_made_to_find_it(monkeypatch):
    """A file is sized many times: most layouts of most groups must not be made."""
    made, drafted = [], []
    make, draft = Candidates._made, significance.draft
    monkeypatch.setattr(Candidates, "_made", lambda self, p, o: made.append((p, o.layout)) or make(self, p, o))
    monkeypatch.setattr(significance, "draft", lambda a, k: drafted.append(len(a)) or draft(a, k))
    arrays = arrays_of(0.9, 8, "uniform", 1)
    smallest_groups(arrays)
    places = range(len(arrays))
    groups = {group for way in _ways(places, arrays) for group in way}
    all_of = Candidates(arrays, places, EIGHT)
    assert len(made) <= sum(len(all_of._options(group)) for group in groups) / 3
    assert len(made) == len(set(made))
    assert drafted[0] == 3  # the latent grid, once for all ways
    assert len(drafted) == 2  # and once for the count above


@pytest.mark.parametrize(("spec", "zeros"), list(product([fvsrn(grid=(9, 9, 9)), neurcomp(width=30)], [0.0, 1.0])))
def test_what_is_sized_is_what_is_read(spec, zeros):
    field = field_of(spec, filled(spec, 7, zeros=zeros))
    (back,) = codec.from_bytes(codec.to_bytes([field]))
    for name, array in field.arrays.items():
        np.testing.assert_array_equal(back.arrays[name].codes, array.codes)
    assert codec.to_bytes([field]) == codec.to_bytes([back])
