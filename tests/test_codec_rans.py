"""Entropy coding of symbols: round trips, the cost it promises, a second decoder, damaged streams."""

from __future__ import annotations

import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from srn_core.codec import adaptive
from srn_core.codec.adaptive import SEEN, Adaptive, frequencies
from srn_core.codec.rans import TOTAL, Coder, Decoder, Encoder, decode, encode
from srn_core.codec.rans_lanes import cost_of, most_bytes
from srn_core.codec.rans_steps import encoded, encoded_singly
from srn_core.errors import SrnFormatError
from srn_core.native import calls


@pytest.fixture(autouse=True, params=["compiled", "in Python"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything here holds with the compiled loops and without."""
    if request.param == "in Python":
        monkeypatch.setattr(calls, "there", lambda: False)


def drawn(count: int, rows: int, alphabet: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Symbols, models and tables; the symbols are as likely as the tables say."""
    generator = np.random.default_rng(seed)
    tables = frequencies(generator.integers(0, 1000, (rows, alphabet)) ** 3)
    models = generator.integers(0, rows, count)
    slots = generator.integers(0, TOTAL, count)
    return np.sum(slots[:, None] >= np.cumsum(tables[models], axis=1), axis=1), models, tables


def scalar_decode(data: bytes, models: np.ndarray, tables: np.ndarray) -> list[int]:
    """One symbol after the other, with Python's integers, as the module's docstring has it."""
    lanes = 1 << data[0]
    states = list(struct.unpack_from(f"<{lanes}I", data, 1))
    words = iter(struct.unpack(f"<{(len(data) - 1 - 4 * lanes) // 2}H", data[1 + 4 * lanes :]))
    found = []
    for i, model in enumerate(models):
        state, symbol, start = states[i % lanes], 0, 0
        slot = state % 2**15
        while slot >= start + tables[model][symbol]:
            start += int(tables[model][symbol])
            symbol += 1
        state = int(tables[model][symbol]) * (state // 2**15) + slot - start
        states[i % lanes] = state if state >= 2**16 else state * 2**16 + next(words)
        found.append(symbol)
    assert states == [2**16] * lanes
    assert next(words, None) is None
    return found


@given(st.integers(0, 1000), st.integers(1, 5), st.integers(1, 70), st.integers(0, 999))
def test_symbols_come_back(count, rows, alphabet, seed):
    symbols, models, tables = drawn(count, rows, alphabet, seed)
    data = encode(symbols, models, tables)
    assert len(data) <= most_bytes(count)
    np.testing.assert_array_equal(decode(data, models, tables), symbols)
    if count:
        assert scalar_decode(data, models, tables) == symbols.tolist()


@given(st.lists(st.integers(0, 400), max_size=8), st.integers(0, 99))
def test_calls_of_any_length_make_one_stream(counts, seed):
    """Models that are known call by call, numbers of raw bits between them."""
    generator = np.random.default_rng(seed)
    parts = [drawn(count, 3, 9, seed + place) for place, count in enumerate(counts)]
    widths = [generator.integers(0, 16, count) for count in counts]
    numbers = [generator.integers(0, 1 << w) for w in widths]
    encoder = Encoder()
    for (symbols, models, tables), width, number in zip(parts, widths, numbers):
        np.testing.assert_array_equal(encoder.symbols(tables, models, symbols), symbols)
        encoder.bits(width, number)
    decoder = Decoder(encoder.finish())
    for (symbols, models, tables), width, number in zip(parts, widths, numbers):
        np.testing.assert_array_equal(decoder.symbols(tables, models), symbols)
        np.testing.assert_array_equal(decoder.bits(width), number)
    decoder.finish()


@pytest.mark.parametrize(("count", "share"), [(500, 0.5), (5000, 0.1), (100_000, 0.02), (400_000, 0.3)])
def test_a_stream_costs_what_its_probabilities_say(count, share):
    bits = (np.random.default_rng(0).random(count) < share).astype(np.int64)
    tables = frequencies(np.array([[count - bits.sum(), bits.sum()]]))
    models = np.zeros(count, np.int64)
    ideal = float(np.sum(15 - np.log2(tables[0][bits]))) / 8
    size = len(encode(bits, models, tables))
    assert ideal <= size < ideal * 1.006 + 8


@given(st.integers(1, 40), st.integers(0, 6), st.integers(0, 99))
def test_few_lanes_are_coded_as_many_are(steps, log_lanes, seed):
    generator = np.random.default_rng(seed)
    frequencies = np.minimum(1 << generator.integers(0, 16, (steps, 1 << log_lanes)), TOTAL)
    starts = generator.integers(0, TOTAL - frequencies + 1)
    found = [code(starts.astype(np.uint32), frequencies.astype(np.uint32)) for code in (encoded, encoded_singly)]
    for one, other in zip(*found):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("count", [1, 100, 3000, 60_000, 300_000])
def test_the_size_is_known_before_the_stream_is_made(count):
    symbols, models, tables = drawn(count, 3, 30, count)
    encoder, parts = Encoder(), Encoder()
    encoder.symbols(tables, models, symbols)
    for part in np.array_split(np.arange(count), 3):
        more = Encoder()
        more.symbols(tables, models[part], symbols[part])
        parts.extend(more)
    assert parts.size == encoder.size
    assert parts.finish() == encoder.finish()
    assert abs(encoder.size - len(encoder.finish())) < 4 + 0.002 * encoder.size
    assert Encoder().size == 0
    exact = np.sum(15 - np.log2(tables[models, symbols]))
    assert abs(cost_of(tables[models, symbols]) / 1024 - exact) <= count / 2048
    assert encoder.cost == pytest.approx(exact, abs=count / 2048)


def test_certain_symbols_cost_nothing_but_the_lanes():
    tables = np.array([[0, TOTAL, 0]])
    models = np.zeros(70_000, np.int64)
    data = encode(np.ones(70_000, np.int64), models, tables)
    assert len(data) <= 1 + 4 * 4
    np.testing.assert_array_equal(decode(data, models, tables), 1)
    with pytest.raises(ValueError, match="frequency 0"):
        encode(np.zeros(1, np.int64), models[:1], tables)


def test_nothing_is_no_bytes():
    nothing = np.zeros(0, np.int64)
    assert encode(nothing, nothing, np.array([[TOTAL]])) == b""
    assert decode(b"", nothing, np.array([[TOTAL]])).size == 0


@given(st.integers(1, 2000), st.integers(0, 99), st.data())
def test_damage_is_an_error_or_other_symbols(count, seed, data):
    """Never a crash; and what is cut, added or swapped is noticed by the states that do not come home."""
    symbols, models, tables = drawn(count, 2, 12, seed)
    whole = encode(symbols, models, tables)
    place = data.draw(st.integers(0, len(whole) - 1))
    for damaged in (whole[:place], whole + b"\0\0", whole + b"\0", whole[:-1], b"\x11" + whole[1:]):
        with pytest.raises(SrnFormatError):
            decode(damaged, models, tables)
    noise = data.draw(st.binary(min_size=1, max_size=200))
    assume(noise != whole)
    for damaged in (noise, whole[:place] + noise, whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]):
        try:
            assert decode(damaged, models, tables).size == count
        except SrnFormatError:
            pass


def test_one_lane_for_a_million_symbols_is_refused_at_once():
    """Symbols that cost nothing must not buy hours, nor a length memory."""
    stream = b"\0" + struct.pack("<I", 2**16)
    tracemalloc.start()
    try:
        with pytest.raises(SrnFormatError, match="too few lanes"):
            Decoder(stream).symbols(np.array([[TOTAL]]), np.zeros(1_000_000, np.int64))
        with pytest.raises(SrnFormatError, match="beginning"):
            Decoder(b"\x10" + stream)
        assert tracemalloc.get_traced_memory()[1] < 40_000_000
    finally:
        tracemalloc.stop()


def test_a_state_below_the_least_is_refused():
    with pytest.raises(SrnFormatError, match="out of bounds"):
        Decoder(b"\0" + struct.pack("<I", 2**16 - 1))


@given(st.integers(1, 6), st.integers(1, 60), st.integers(0, 99), st.integers(0, 46))
def test_frequencies_sum_up_and_follow_the_weights(rows, alphabet, seed, log_largest):
    weights = np.random.default_rng(seed).integers(0, 1 << log_largest, (rows, alphabet), dtype=np.int64)
    tables = frequencies(weights)
    assert np.all(tables.sum(axis=1) == TOTAL)
    assert tables.min() >= 1
    for row, weight in zip(tables, weights):
        if weight.sum():
            assert np.abs(row / TOTAL - weight / weight.sum()).max() < 2 * (alphabet + 1) / TOTAL


def test_what_is_learnt_nears_the_counts():
    generator = np.random.default_rng(1)
    model = Adaptive(np.full((1, 4), SEEN))
    truth = np.array([0.7, 0.2, 0.08, 0.02])
    for _ in range(10):
        model.update(np.zeros(1000, np.int64), generator.choice(4, 1000, p=truth))
    np.testing.assert_allclose(model.tables()[0] / TOTAL, truth, atol=0.02)
    model.age(10)
    model.update(np.zeros(90, np.int64), np.full(90, 3))
    assert model.tables()[0][3] > 0.85 * TOTAL


def test_a_context_without_symbols_takes_those_of_its_wider_one():
    model = Adaptive(np.full((2, 2), SEEN), np.array([0, 0, 1]), trust=10)
    model.update(np.zeros(1000, np.int64), np.repeat([0, 1], [900, 100]))
    seen, other, apart = model.tables()[:, 1] / TOTAL
    assert abs(seen - 0.1) < 0.01
    assert abs(other - 0.1) < 0.01
    assert abs(apart - 0.5) < 0.01
    model.update(np.ones(10, np.int64), np.ones(10, np.int64))
    assert 0.5 < model.tables()[1, 1] / TOTAL < 0.62  # ten of its own weigh as much as the wider one's share


class Recorder(Coder):
    """A decoder that is told what to find, and keeps the slots it found it in."""

    def __init__(self, symbols: np.ndarray) -> None:
        self.symbols_to_come, self.slots = symbols.tolist(), []

    def symbols(self, tables, models, wanted=None):
        found = np.array([self.symbols_to_come.pop(0) for _ in models], np.int64)
        for model, symbol in zip(models, found):
            self.slots.append((int(tables[model][:symbol].sum()), int(tables[model][symbol])))
        return found

    def bits(self, widths, wanted=None):
        raise AssertionError


@pytest.mark.parametrize("wider", [None, [0, 0, 1, 2, 2]])
@pytest.mark.parametrize("runs", [[1], [40, 0, 700, 3, 90], [5] * 30, [3000]])
def test_an_encoder_learns_at_once_what_a_decoder_learns_block_by_block(runs, wider, monkeypatch):
    monkeypatch.setattr(adaptive, "_TOGETHER", 5 * 6 * 4)  # blocks are learnt from by fours
    generator = np.random.default_rng(len(runs))
    contexts = generator.integers(0, 5, sum(runs))
    symbols = np.minimum(generator.geometric(0.4, sum(runs)) + (contexts == 2), 6) - 1
    prior = generator.integers(1, 40, (5 if wider is None else 3, 6))
    one, other = (Adaptive(prior, None if wider is None else np.array(wider)) for _ in range(2))
    for model in (one, other):
        model.update(np.array([0, 1]), np.array([5, 4]))
        model.restart(0, prior[0][::-1].tolist())
        model.age(1)
    recorder, start = Recorder(symbols), 0
    for run in runs:
        np.testing.assert_array_equal(one.decode(recorder, contexts[start : start + run]), symbols[start : start + run])
        start += run
    starts, found = other.encode(contexts, symbols, runs)
    assert list(zip(starts.tolist(), found.tolist())) == recorder.slots
    np.testing.assert_array_equal(one.tables(), other.tables())
