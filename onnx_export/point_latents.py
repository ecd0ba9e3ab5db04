"""The latent grid at points: eight gathered corners and their shares.

GridSample does the same in one node, some twenty times slower on a CPU: it works out place and shares
anew for each feature.
"""

from __future__ import annotations

import numpy as np

from onnx_export.graph_writer import GraphWriter
from srn_core.spec import FvSrnSpec

CELL_TABLE_BYTES = 64 << 20
"""A table that holds all eight corners of each cell side by side is read faster; it may not grow past this."""


def held_points(writer: GraphWriter, half_extent: tuple[float, float, float]) -> str:
    """Input "points" (N, 3), normalised, held within the volume."""
    points = writer.input("points", np.float32, ["N", 3])
    half = np.array(half_extent, np.float32)
    return str(writer.node("Max", writer.node("Min", points, half), -half))


def corner_latents(
    writer: GraphWriter, points: str, rows: str, spec: FvSrnSpec, latent: np.ndarray, table_of_cells: bool
) -> tuple[str, int]:
    """The weighted features of the corners around each point, (N, corners * features), and the number of corners.

    Their sum over corners is the trilinear interpolation; it is left to the next Gemm. Axes of a
    single latent sample have no corners of their own.
    """
    samples = np.array(spec.grid[::-1])  # x, y, z
    wide = [axis for axis in range(3) if samples[axis] > 1]
    features = spec.features
    if not wide:
        flat = np.broadcast_to(latent.reshape(1, features), (1, features))
        ones = writer.node(
            "Mul",
            writer.node("Slice", points, *(np.array([v], np.int64) for v in (0, 1, 1))),
            np.zeros((1, 1), np.float32),
        )
        return str(writer.node("Add", ones, flat.astype(np.float32))), 1
    half = np.array(spec.half_extent, np.float64)[:, None]
    scale = np.where(half > 0, (samples[:, None] - 1) / (2 * np.where(half > 0, half, 1)), 0.0)
    place = writer.node("Mul", writer.node("Add", rows, half.astype(np.float32)), scale.astype(np.float32))  # (3, N)
    low = writer.node("Floor", place)
    low = writer.node("Min", low, np.maximum(samples[:, None] - 2, 0).astype(np.float32))
    upper = writer.node("Sub", place, low)
    lower = writer.node("Sub", np.array(1.0, np.float32), upper)
    shares = None
    offsets = [np.zeros(3, np.int64)]
    for axis in wide:  # the corner's bit of the first wide axis is the slowest
        index = np.array([axis], np.int64)
        pair = writer.node("Concat", *(writer.node("Gather", part, index, axis=0) for part in (lower, upper)), axis=0)
        step = np.eye(3, dtype=np.int64)[axis]
        offsets = [o + bit * step for o in offsets for bit in (0, 1)]
        if shares is None:
            shares = pair
        else:
            product = writer.node(
                "Mul",
                writer.node("Unsqueeze", shares, np.array([1], np.int64)),
                writer.node("Unsqueeze", pair, np.array([0], np.int64)),
            )
            shares = writer.reshape(product, [len(offsets), -1])
    corners = len(offsets)
    spread = np.kron(np.eye(corners), np.ones((1, features))).astype(np.float32)
    weights = writer.node("Gemm", shares, spread, transA=1)  # (N, corners * features)
    strides = np.array([1, samples[0], samples[0] * samples[1]])
    # A place is a whole number in floating point; float32 holds those up to 2^24.
    exact = np.float32 if samples.prod() < 1 << 24 else np.float64
    cell = writer.node("MatMul", strides[None].astype(exact), writer.cast(low, exact) if exact is np.float64 else low)
    cell = writer.reshape(writer.cast(cell, np.int64), [-1])
    # A position that is not a number has no cell; held in the table it gives a value that is not a number.
    cell = writer.node("Max", writer.node("Min", cell, np.array(samples.prod() - 1)), np.array(0))
    # Cells begin at the lower corner, so that all corners of the last one are still in the table.
    table = np.ascontiguousarray(latent.reshape(features, -1).T)  # (samples, features)
    steps = np.array([int((o * strides).sum()) for o in offsets])
    if table_of_cells and table.nbytes * corners <= CELL_TABLE_BYTES:
        # Cells that begin on an upper face are never asked for; the clip only keeps their rows in the table.
        rows_of = np.minimum(np.arange(len(table))[:, None] + steps, len(table) - 1)
        gathered = writer.node("Gather", writer.constant(table[rows_of].reshape(len(table), -1), "cells"), cell, axis=0)
    else:
        index = writer.node("Add", writer.reshape(cell, [-1, 1]), steps.astype(np.int64))
        gathered = writer.node("Gather", writer.constant(table, "latent"), index, axis=0)
        gathered = writer.reshape(gathered, [-1, corners * features])
    return str(writer.node("Mul", weights, gathered)), corners
