"""Products of a small matrix with one axis of a grid, as nodes."""

from __future__ import annotations

from onnx_export.graph_writer import GraphWriter


def along_axis(writer: GraphWriter, matrix: str, grid: str, axis: int) -> str:
    """``matrix`` (m, n) times axis ``axis`` (0 to 2: z, y, x), of n samples, of ``grid`` (1, features, z, y, x)."""
    if axis == 0:
        return str(writer.node("Einsum", matrix, grid, equation="az,bfzyx->bfayx"))
    if axis == 1:
        return str(writer.node("MatMul", matrix, grid))
    return str(writer.node("MatMul", grid, writer.node("Transpose", matrix, perm=[1, 0])))
