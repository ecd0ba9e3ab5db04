"""The context network: from what is known around a coefficient to which probabilities it is coded with.

Two hidden layers of 24, all in integers, which float32 products hold exactly: weights stay below 2^9, layers below
2^10, sums below 2^24. So any order of summation, any BLAS and any number of threads give the same numbers. Weights
and first probabilities are part of the format; they were learnt once from volumes and fields of many kinds
(tools/context_model.py).
"""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from io import BytesIO
from typing import NamedTuple

import numpy as np

ZERO_BINS, SIZE_BINS, SIGN_BINS = 64, 32, 12
HIDDEN = 24
LARGEST_WEIGHT = 511
LARGEST_VALUE = 1023
CHUNK = 400
"""Coefficients of one product: so few that no BLAS wakes its threads, which would spin for longer than they work."""
CHUNKS = 8
"""Products at once: what lies between two layers stays in a cache."""

_MIDDLE = 512 * np.array([ZERO_BINS // 2, SIZE_BINS // 2])
_SIGN_BOUNDS = np.array([4, 12, 24, 36, 52, 72, 96, 128, 168, 216, 280], np.int32)


class ContextModel(NamedTuple):
    """All numbers of the context model, integers."""

    first: np.ndarray
    """(FEATURES + CONSTANTS, HIDDEN)."""
    first_bias: np.ndarray
    second: np.ndarray
    second_bias: np.ndarray
    last: np.ndarray
    """(HIDDEN, 2): towards zero, towards small."""
    last_bias: np.ndarray
    signs: np.ndarray
    """(4, 8, SIGN_CLASSES): weights of neighbours by high-pass axes, parity and kind of neighbour."""
    zero_prior: np.ndarray
    """(ZERO_BINS, 2) weights of "is zero" and "is not"."""
    size_prior: np.ndarray
    """(SIZE_BINS, tokens)."""
    sign_prior: np.ndarray
    """(SIGN_BINS, 2) weights of "as expected" and "not so"."""


@lru_cache(maxsize=1)
def default_model() -> ContextModel:
    """The model of format version 1."""
    data = files("srn_core.codec").joinpath("context_model.npz").read_bytes()
    with np.load(BytesIO(data), allow_pickle=False) as stored:
        return ContextModel(*(stored[name].astype(np.int64) for name in ContextModel._fields))


def contexts(model: ContextModel, features: np.ndarray, constants: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(zero contexts, size contexts), each (n,) uint8, of features (FEATURES, n) and constants (CONSTANTS,)."""
    varying, count = features.shape
    layers = [_closed(layer) for layer in (first_layer(model, constants), *further_layers(model))]
    found = np.empty((2, count), np.uint8)
    chunks = max(1, min(CHUNKS, -(-count // CHUNK)))
    inputs = np.ones((chunks, varying + 1, CHUNK), np.float32)
    hidden = [np.empty((chunks, HIDDEN + 1, CHUNK), np.float32) for _ in range(2)]
    # NumPy compares with arrays three times as fast as with one number.
    least, most = np.zeros_like(hidden[0]), np.full_like(hidden[0], LARGEST_VALUE)
    for start in range(0, count, chunks * CHUNK):
        here = min(chunks * CHUNK, count - start)
        some = -(-here // CHUNK)
        part = features[:, start : start + here]
        if here < some * CHUNK:
            part = np.concatenate([part, np.zeros((varying, some * CHUNK - here), np.uint8)], axis=1)
        values = inputs[:some]
        values[:, :varying] = part.reshape(varying, some, CHUNK).swapaxes(0, 1)
        for weights, out in zip(layers, hidden):
            values = np.matmul(weights, values, out=out[:some])
            np.floor(values, out=values)
            np.maximum(values, least[:some], out=values)
            np.minimum(values, most[:some], out=values)
        last = (layers[2] @ values)[:, :2].swapaxes(0, 1).reshape(2, -1)[:, :here]
        np.floor(last, out=last)
        for row, bound in zip(last, (ZERO_BINS - 1, SIZE_BINS - 1)):
            row[row < 0] = 0
            row[row > bound] = bound
        found[:, start : start + here] = last
    return found[0], found[1]


def sign_contexts(expected: np.ndarray) -> np.ndarray:
    """(n,) int64 of expected signs (n,)."""
    return np.asarray(np.searchsorted(_SIGN_BOUNDS, np.abs(expected), side="right"), np.int64)


def first_layer(model: ContextModel, constants: np.ndarray) -> np.ndarray:
    """(24, FEATURES + 1) float32, the biases last, for a pass with ``constants`` (CONSTANTS,).

    As all layers it is scaled by a power of two, so that the whole part of its product is what the next one takes.
    """
    varying = len(model.first) - constants.size
    return _layer(model.first[:varying], model.first_bias + constants @ model.first[varying:], 1 / 32)


def further_layers(model: ContextModel) -> tuple[np.ndarray, np.ndarray]:
    """(24, 25) and (2, 25) float32, the biases last; the last product is a context of zeros and one of sizes."""
    second = _layer(model.second, model.second_bias, 1 / 64)
    return second, _layer(model.last, model.last_bias + _MIDDLE, 1 / 512)


def _layer(weights: np.ndarray, bias: np.ndarray, scale: float) -> np.ndarray:
    return np.column_stack([weights.T * scale, bias * scale]).astype(np.float32)


def _closed(layer: np.ndarray) -> np.ndarray:
    """Of columns whose last is 1, to such columns."""
    one = np.zeros((1, layer.shape[1]), np.float32)
    one[0, -1] = 1.0
    return np.concatenate([layer, one])
