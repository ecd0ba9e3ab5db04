"""The second output of a points graph: the gradient."""

from __future__ import annotations

from types import ModuleType
from typing import Mapping

import numpy as np

from onnx_export import constant_graph, fvsrn_gradient, neurcomp_gradient
from onnx_export.graph_writer import GraphWriter
from onnx_export.jets import held_tangents
from onnx_export.metadata import world_to_normalised
from srn_core.codec.field import NeuralField
from srn_core.errors import SrnInputError
from srn_core.spec import NetworkSpec

BUILDERS: dict[str, ModuleType] = {
    "constant": constant_graph,
    "fvsrn": fvsrn_gradient,
    "neurcomp": neurcomp_gradient,
}
"""Network kind -> module with ``point_jet``."""


def values_with_gradient(
    writer: GraphWriter,
    field: NeuralField,
    spec: NetworkSpec,
    arrays: Mapping[str, np.ndarray],
    for_cpu: bool,
    physical: bool,
) -> str:
    """Declares the output "gradient" (N, C, 3); gives the normalised values (C, N).

    ``physical``: the gradient in the array's units per unit of length, along the world's axes; else of normalised
    values by normalised coordinates.
    """
    jet = BUILDERS[spec.kind].point_jet(writer, spec, arrays, for_cpu)
    gradient = writer.node("Transpose", held_tangents(writer, spec, jet), perm=[2, 1, 0])
    if physical:
        # One matrix per component: a gradient is a row, of derivatives by normalised x, y, z.
        gradient = writer.node("Unsqueeze", gradient, np.array([2], np.int64))
        gradient = writer.node("MatMul", gradient, _to_world(field))
        gradient = writer.node("Squeeze", gradient, np.array([2], np.int64))
    writer.output("gradient", gradient, ["N", spec.components, 3])
    return jet.values


def _to_world(field: NeuralField) -> np.ndarray:
    """(C, 3, 3) float32: gradient of normalised values by normalised coordinates @ matrix -> physical gradient."""
    low, high = np.array(field.value_range, np.float64).reshape(-1, 2).T
    matrices = (high / 2 - low / 2)[:, None, None] * world_to_normalised(field.geometry)[0]
    if np.abs(matrices).max() > np.finfo(np.float32).max:
        raise SrnInputError(
            f"the gradient of array '{field.name}' may be more than float32 holds, so it cannot be exported to ONNX in "
            "its own units; rescale the array or its spacing before compressing it, or export without the gradient"
        )
    return matrices.astype(np.float32)
