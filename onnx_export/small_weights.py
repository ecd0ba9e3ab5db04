"""A graph writer that keeps numbers in few bytes; what they stand for is worked out when a session opens.

ONNX Runtime replaces nodes whose inputs are constants by their results, once, before the first run. So an
array of few different numbers may be a table and places in it (Cast, Gather), and one of mostly zeros a list of
moves (:mod:`onnx_export.sparse_moves`: Cast, Gather, CumSum, ScatterElements), without costing anything later. It does
so only where every shape is known, and never with DequantizeLinear, which it leaves to quantised operators.
"""

from __future__ import annotations

from typing import Callable, Optional

import numpy as np

from onnx_export.graph_writer import GraphWriter
from onnx_export.sparse_moves import Moves, sparse_moves
from srn_core.codec.field import StoredArray

NODE_BYTES = 150
"""About what a node takes in a file: packing must save more than its nodes cost."""
SAMPLE = 1 << 17
"""Of larger arrays so many numbers tell whether it is worth looking at all."""

LatentMaker = Callable[["SmallWriter"], str]
"""Writes the latent grid; the name of a float32 tensor (1, features, z, y, x)."""


class SmallWriter(GraphWriter):
    """A :class:`GraphWriter` whose initialisers of float32 and float64 are packed, without loss, where that is smaller.

    ``latent``: what stands for any constant called "latent", in place of the numbers given, which are looked at for
    their number of axes alone: one, the grid (features, z, y, x) flat; two, (samples, features).
    """

    def __init__(self, latent: Optional[LatentMaker] = None) -> None:
        super().__init__()
        self._latent = latent
        self._latents: dict[int, str] = {}  # by number of axes

    def constant(self, value: np.ndarray, name: str = "") -> str:
        """A tensor's name; equal ones are kept once."""
        if name == "latent" and self._latent is not None:
            return self._latent_table(value, self._latent)
        return super().constant(value, name)

    def stored(self, array: StoredArray, name: str, scaled: bool = True) -> str:
        """What an array of the file stands for, float32; without its step where not ``scaled``."""
        if array.codebook is not None:
            return self.constant(array.values(), name)
        codes = array.codes
        step = np.float32(array.step if scaled else 1.0)
        if not codes.any():
            return self.constant(np.zeros(codes.shape, np.float32), name)
        most = int(np.abs(codes.astype(np.int64)).max())
        dense = codes.astype(np.int8 if most < 1 << 7 else np.int16 if most < 1 << 15 else np.int32)
        moves = sparse_moves(codes.reshape(-1))
        if moves is not None and moves.nbytes + 6 * NODE_BYTES < dense.nbytes:
            whole = self._scattered(moves, codes.shape, name)
        else:
            whole = super()._stored(dense, name)
        number = self.cast(whole, np.float32)
        return number if step == 1.0 else str(self.node("Mul", number, np.array(step)))

    def _stored(self, value: np.ndarray, name: str) -> str:
        if value.dtype not in (np.float32, np.float64) or value.nbytes <= 2 * NODE_BYTES or _many(value):
            return super()._stored(value, name)
        flat = value.reshape(-1)
        table, places = np.unique(flat.view(np.uint32 if value.itemsize == 4 else np.uint64), return_inverse=True)
        if len(table) == 1:
            return self._filled(flat[:1], value.shape, name)
        places = places.astype(np.uint8 if len(table) <= 1 << 8 else np.uint16 if len(table) <= 1 << 16 else np.int32)
        indexed = places.nbytes + table.nbytes + 2 * NODE_BYTES
        # A sum that begins with 0 gives no -0.
        moves = None if (np.signbit(flat) & (flat == 0)).any() else sparse_moves(flat)
        if moves is not None and moves.nbytes + 6 * NODE_BYTES < min(indexed, value.nbytes):
            return self._scattered(moves, value.shape, name)
        if indexed >= value.nbytes:
            return super()._stored(value, name)
        index = self.cast(super()._stored(places.reshape(value.shape), name), np.int32)
        return str(self.node("Gather", table.view(value.dtype), index, axis=0))

    def _filled(self, value: np.ndarray, shape: tuple[int, ...], name: str) -> str:
        """One number (1,) everywhere."""
        tensor = self._onnx.numpy_helper.from_array(value)
        return str(self.node("ConstantOfShape", np.array(shape, np.int64), name=name, value=tensor))

    def _scattered(self, packed: Moves, shape: tuple[int, ...], name: str) -> str:
        """The array of ``shape`` that moves stand for."""
        moves = self.cast(super()._stored(packed.moves, name), np.int32)
        places = self.node("CumSum", self.node("Gather", packed.steps, moves, axis=0), np.array(0))
        numbers = self.node("Gather", packed.numbers, moves, axis=0)
        empty = self._filled(np.zeros(1, packed.numbers.dtype), (int(np.prod(shape)),), name)
        flat = self.node("ScatterElements", empty, places, numbers, axis=0, reduction="add")
        return self.reshape(flat, list(shape))

    def _latent_table(self, value: np.ndarray, latent: LatentMaker) -> str:
        if value.ndim not in self._latents:
            if 0 not in self._latents:
                self._latents[0] = latent(self)
            flat = self._latents[0]
            if value.ndim == 1:
                table = self.reshape(flat, [-1])
            elif value.shape[1] == 1:
                table = self.reshape(flat, [-1, 1])
            else:
                table = str(self.node("Transpose", self.reshape(flat, [value.shape[1], -1]), perm=[1, 0]))
            self._latents[value.ndim] = table
        return self._latents[value.ndim]


def _many(value: np.ndarray) -> bool:
    """Whether a large array has so many different numbers, and so few zeros, that no packing can pay."""
    if value.size <= 2 * SAMPLE:
        return False
    sample = value.reshape(-1)[:: value.size // SAMPLE]
    return len(np.unique(sample)) > len(sample) // 2
