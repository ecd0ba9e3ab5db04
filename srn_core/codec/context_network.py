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
"""Coefficients at once: so few that no BLAS wakes its threads, which would spin for longer than they work."""

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
    """(zero contexts, size contexts), each (n,) int64, of features (n, FEATURES) and constants (CONSTANTS,)."""
    count, varying = features.shape
    bias = model.first_bias + constants @ model.first[varying:]
    layers = [
        _weights(model.first[:varying], bias, 1 / 32),
        _weights(model.second, model.second_bias, 1 / 64),
        _weights(model.last, model.last_bias, 1 / 512),
    ]
    zero, size = np.empty(count, np.int64), np.empty(count, np.int64)
    inputs = np.ones((min(count, CHUNK), varying + 1), np.float32)
    for start in range(0, count, CHUNK):
        part = slice(start, start + CHUNK)
        values = inputs[: len(features[part])]
        values[:, :varying] = features[part]
        for weights in layers[:2]:
            values = values @ weights
            np.floor(values, out=values)
            np.maximum(values, 0, out=values)
            np.minimum(values, LARGEST_VALUE, out=values)
        out = np.floor(values @ layers[2])
        zero[part] = np.clip(out[:, 0] + ZERO_BINS // 2, 0, ZERO_BINS - 1)
        size[part] = np.clip(out[:, 1] + SIZE_BINS // 2, 0, SIZE_BINS - 1)
    return zero, size


def sign_contexts(expected: np.ndarray) -> np.ndarray:
    """(n,) int64 of expected signs (n,)."""
    return np.asarray(np.searchsorted(_SIGN_BOUNDS, np.abs(expected), side="right"), np.int64)


def _weights(weights: np.ndarray, bias: np.ndarray, scale: float) -> np.ndarray:
    """A layer as one matrix, float32: of numbers whose last is 1, to such numbers. ``scale``: a power of two."""
    matrix = np.zeros((weights.shape[0] + 1, weights.shape[1] + 1))
    matrix[:-1, :-1], matrix[-1, :-1] = weights * scale, bias * scale
    matrix[-1, -1] = 1.0
    return matrix.astype(np.float32)
