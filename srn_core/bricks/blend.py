"""Weighted means of what several bricks say, exact where they say the same."""

from __future__ import annotations

from typing import Any, Optional

import numpy as np

from srn_core.errors import SrnFormatError


class Blend:
    """Means of values (..., C), and of their gradients (..., C, 3) by sample indices, float64."""

    def __init__(self, shape: tuple[int, ...], components: int, gradient: bool = False) -> None:
        self._weight = np.zeros(shape)
        self._values = np.zeros((*shape, components))
        self._slopes = _Slopes(shape, components) if gradient else None

    def add(
        self,
        where: Any,
        values: np.ndarray,
        weight: np.ndarray,
        slopes: Optional[np.ndarray] = None,
        change: Optional[np.ndarray] = None,
    ) -> None:
        """One brick's values, weights (...,) above 0, their gradients, and how the weights change (..., 3), at
        ``where`` in the result."""
        if self._slopes is not None and slopes is not None and change is not None:
            first = self._weight[where] == 0.0
            self._slopes.add(where, first, values, weight, slopes, change)
        total = self._weight[where] + weight
        self._weight[where] = total
        # A running mean: what all say alike stays as it is, to the last bit.
        self._values[where] += (values - self._values[where]) * (weight / total)[..., None]

    @property
    def values(self) -> np.ndarray:
        """The means. Raises SrnFormatError where no brick says anything."""
        if not (self._weight > 0).all():
            raise SrnFormatError("the bricks of a field leave gaps between them; the file is damaged")
        return self._values

    @property
    def gradient(self) -> np.ndarray:
        """The gradient of the means."""
        assert self._slopes is not None
        return self._slopes.of(self.values, self._weight)


class _Slopes:
    """The gradient of sum(w v) / sum(w) is (sum(w v') + sum(w' (v - r)) - (mean - r) sum(w')) / sum(w), for any r."""

    def __init__(self, shape: tuple[int, ...], components: int) -> None:
        self._reference = np.zeros((*shape, components))
        self._sum = np.zeros((*shape, components, 3))
        self._change = np.zeros((*shape, 3))

    def add(
        self,
        where: Any,
        first: np.ndarray,
        values: np.ndarray,
        weight: np.ndarray,
        slopes: np.ndarray,
        change: np.ndarray,
    ) -> None:
        self._reference[where] = np.where(first[..., None], values, self._reference[where])
        apart = values - self._reference[where]
        self._sum[where] += weight[..., None, None] * slopes + apart[..., None] * change[..., None, :]
        self._change[where] += change

    def of(self, values: np.ndarray, weight: np.ndarray) -> np.ndarray:
        apart = (values - self._reference)[..., None] * self._change[..., None, :]
        return np.asarray((self._sum - apart) / weight[..., None, None])
