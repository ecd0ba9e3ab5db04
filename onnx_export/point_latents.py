"""The latent grid at points: eight gathered corners and their shares.

GridSample does the same in one node, some twenty times slower on a CPU: it works out place and shares
anew for each feature.
"""

from __future__ import annotations

from typing import Optional

import numpy as np

from onnx_export.graph_writer import GraphWriter
from srn_core.spec import FvSrnSpec

CELL_TABLE_BYTES = 64 << 20
"""A table that holds all eight corners of each cell side by side is read faster; it may not grow past this."""
FEW_FEATURES = 6
"""So many features are gathered number by number rather than row by row: ONNX Runtime's Gather takes some 45 ns for a
row, its GatherElements some 6 ns for a number."""


def read_flat(shape: tuple[int, ...], table_of_cells: bool) -> bool:
    """Whether latents (features, z, y, x) are gathered number by number from the flat grid."""
    return shape[0] == 1 or (shape[0] <= FEW_FEATURES and not (table_of_cells and _cells_fit(shape)))


def _cells_fit(shape: tuple[int, ...]) -> bool:
    """Whether a table of cells is small enough."""
    corners = 2 ** sum(n > 1 for n in shape[1:])
    return 4 * int(np.prod(shape)) * corners <= CELL_TABLE_BYTES


def held_points(writer: GraphWriter, half_extent: tuple[float, float, float]) -> str:
    """Input "points" (N, 3), normalised; (3, N), held within the volume."""
    rows = writer.node("Transpose", writer.input("points", np.float32, ["N", 3]), perm=[1, 0])
    half = np.array(half_extent, np.float32)[:, None]
    return str(writer.node("Max", writer.node("Min", rows, half), -half))


def point_latents(writer: GraphWriter, rows: str, spec: FvSrnSpec, latent: np.ndarray, table_of_cells: bool) -> str:
    """(features, N): trilinear interpolation at the positions ``rows`` (3, N) of the grid (features, z, y, x)."""
    return latents_at(writer, latent_places(writer, rows, spec), spec, latent, table_of_cells)


def places_per_coordinate(spec: FvSrnSpec) -> np.ndarray:
    """Latents per unit of normalised coordinates along x, y, z, float64 (3, 1); 0 along an axis without length."""
    half = np.array(spec.half_extent)[:, None]
    return np.where(half > 0, (np.array(spec.grid[::-1])[:, None] - 1) / (2 * np.where(half > 0, half, 1)), 0.0)


def latent_places(writer: GraphWriter, rows: str, spec: FvSrnSpec) -> str:
    """Fractional indices (3, N) of latents along x, y, z at the positions ``rows`` (3, N)."""
    half = np.array(spec.half_extent, np.float32)[:, None]
    return str(writer.node("Mul", writer.node("Add", rows, half), places_per_coordinate(spec).astype(np.float32)))


def latents_at(
    writer: GraphWriter,
    place: str,
    spec: FvSrnSpec,
    latent: np.ndarray,
    table_of_cells: bool,
    whole: Optional[int] = None,
) -> str:
    """(features, N): trilinear interpolation of the grid (features, z, y, x) at fractional indices ``place`` (3, N).

    ``whole``: an axis along which all places are whole numbers, which halves the work.
    """
    samples = np.array(spec.grid[::-1])  # x, y, z
    step = np.where(np.arange(3) == whole, 0, np.minimum(samples - 1, 1))
    most = samples - 1 - step
    low = writer.node("Min", writer.node("Floor", place), most[:, None].astype(np.float32))
    shares, offsets = _corner_shares(writer, place, low, step)
    corners = _gather_corners(writer, low, offsets, most, samples, latent, table_of_cells)
    weighted = writer.node("Mul", corners, writer.node("Unsqueeze", shares, np.array([1], np.int64)))
    # A product with a row of ones: several times faster than ReduceSum.
    summed = writer.node("MatMul", np.ones((1, len(offsets)), np.float32), writer.reshape(weighted, [len(offsets), -1]))
    summed = writer.reshape(summed, [spec.features, -1])
    if samples.min() > 1 or whole is not None:
        return summed
    # No share tells of a position that is not a number along an axis of a single sample.
    return str(writer.node("Add", summed, writer.node("MatMul", np.zeros((1, 3), np.float32), place)))


def _corner_shares(writer: GraphWriter, place: str, low: str, step: np.ndarray) -> tuple[str, np.ndarray]:
    """Shares (corners, N) of the corners of each position's cell, and the corners' steps (corners, 3) from the lowest.

    An axis whose ``step`` is 0 has one corner.
    """
    upper = writer.node("Sub", place, low)
    lower = writer.node("Sub", np.array(1.0, np.float32), upper)
    shares, offsets = "", np.zeros((1, 3), np.int64)
    for axis in range(3):
        if not step[axis] and (shares or step.any()):
            continue
        index = np.array([axis], np.int64)
        parts = (lower, upper) if step[axis] else (lower,)
        pair = writer.node("Gather", parts[0], index, axis=0)
        if len(parts) > 1:
            pair = writer.node("Concat", pair, writer.node("Gather", parts[1], index, axis=0), axis=0)
        steps = np.arange(len(parts))[:, None] * np.eye(3, dtype=np.int64)[axis]
        offsets = (offsets[:, None] + steps[None]).reshape(-1, 3)
        if shares:
            product = writer.node(
                "Mul",
                writer.node("Unsqueeze", shares, np.array([1], np.int64)),
                writer.node("Unsqueeze", pair, np.array([0], np.int64)),
            )
            pair = writer.reshape(product, [len(offsets), -1])
        shares = pair
    return shares, offsets


def _gather_corners(
    writer: GraphWriter,
    low: str,
    offsets: np.ndarray,
    most: np.ndarray,
    samples: np.ndarray,
    latent: np.ndarray,
    table_of_cells: bool,
) -> str:
    """(corners, features, N): latents at all corners of the cells whose lowest are ``low`` (3, N), up to ``most``."""
    strides = np.array([1, samples[0], samples[0] * samples[1]])
    # The number of a cell is worked out in floating point; float32 holds whole numbers up to 2^24.
    exact = np.float32 if samples.prod() < 1 << 24 else np.float64
    cell = writer.node("MatMul", strides[None].astype(exact), low if exact is np.float32 else writer.cast(low, exact))
    cell = writer.reshape(writer.cast(cell, np.int64), [-1])
    # A position that is not a number has no cell; held in the table it gives a value that is not a number.
    highest = int((most * strides).sum())
    cell = writer.node("Max", writer.node("Min", cell, np.array(highest)), np.array(0))
    features, steps = latent.shape[0], offsets @ strides
    if read_flat(latent.shape, table_of_cells):
        starts = (steps[:, None] + np.arange(features) * samples.prod()).reshape(-1, 1)
        index = writer.reshape(writer.node("Add", cell, starts), [-1])
        gathered = writer.node("GatherElements", writer.constant(latent.reshape(-1), "latent"), index, axis=0)
        return writer.reshape(gathered, [len(steps), features, -1])
    table = np.ascontiguousarray(latent.reshape(features, -1).T)  # (samples, features)
    if table_of_cells and _cells_fit(latent.shape):
        table = table[np.arange(highest + 1)[:, None] + steps].reshape(highest + 1, -1)
        gathered = writer.node("Gather", writer.constant(table, "cells"), cell, axis=0)
    else:
        index = writer.node("Add", writer.reshape(cell, [-1, 1]), steps)
        gathered = writer.node("Gather", writer.constant(table, "latent"), index, axis=0)
        gathered = writer.reshape(gathered, [-1, len(steps) * features])
    return writer.reshape(writer.node("Transpose", gathered, perm=[1, 0]), [len(steps), features, -1])
