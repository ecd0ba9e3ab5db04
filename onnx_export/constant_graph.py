"""A constant field as a graph: normalised 0 everywhere."""

from __future__ import annotations

from typing import Mapping

import numpy as np

from onnx_export.graph_writer import GraphWriter
from onnx_export.jets import Jet
from onnx_export.point_latents import held_points
from srn_core.spec import ConstantSpec


def point_values(writer: GraphWriter, spec: ConstantSpec, arrays: Mapping[str, np.ndarray], for_cpu: bool) -> str:
    """Input "points" (N, 3); (components, N) zeros."""
    del arrays, for_cpu
    rows = held_points(writer, spec.half_extent)
    return _zeros(writer, spec, writer.node("ReduceSum", rows, np.array([0], np.int64)))


def point_jet(writer: GraphWriter, spec: ConstantSpec, arrays: Mapping[str, np.ndarray], for_cpu: bool) -> Jet:
    """Input "points" (N, 3); (components, N) zeros and their tangents, zeros too."""
    values = point_values(writer, spec, arrays, for_cpu)
    return Jet(values, writer.node("Mul", values, np.zeros((3, 1, 1), np.float32)))


def _zeros(writer: GraphWriter, spec: ConstantSpec, row: str) -> str:
    """(components, N) of 0 for (1, N) positions; not a number where the position is not."""
    return str(writer.node("MatMul", np.zeros((spec.components, 1), np.float32), row))
