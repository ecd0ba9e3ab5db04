"""Neurcomp, the residual SIREN (thesis 2.4, 2.5), as graphs: at the crossings of three axes, and at points.

On a grid the first layer's sine is a sum of angles, sin(A + B) = sin A cos B + cos A sin B with A of
(y, z) and B of x, so a whole layer of sines becomes a product of matrices of inner size 2.
"""

from __future__ import annotations

from typing import Mapping

import numpy as np

from onnx_export.axes import axis_inputs, cosine
from onnx_export.graph_writer import GraphWriter
from onnx_export.layers import SINE, Dense, dense
from onnx_export.point_latents import held_points
from srn_core.spec import NeurcompSpec


def grid_values(writer: GraphWriter, spec: NeurcompSpec, arrays: Mapping[str, np.ndarray], for_cpu: bool) -> str:
    """Inputs x, y, z; (components, nz * ny * nx) normalised values."""
    del for_cpu  # the same everywhere
    first = Dense.of(arrays, "first").scaled(spec.omega)
    x, y, z = (
        writer.node("Mul", writer.node("Reshape", c, np.array(shape, np.int64)), first.weight[:, axis, None, None])
        for axis, (c, shape) in enumerate(
            zip(axis_inputs(writer, spec.half_extent), ([1, 1, -1], [1, 1, -1], [1, -1, 1]))
        )
    )
    b = writer.node("Add", x, first.bias[:, None, None])  # (width, 1, nx)
    a = writer.reshape(writer.node("Add", z, y), [spec.width, -1, 1])  # (width, nz * ny, 1)
    a = writer.node("Concat", writer.node("Sin", a), cosine(writer, a), axis=2)
    b = writer.node("Concat", cosine(writer, b), writer.node("Sin", b), axis=1)
    values = writer.node("MatMul", writer.cast(a, np.float32), writer.cast(b, np.float32))
    return _rest(writer, spec, arrays, writer.reshape(values, [spec.width, -1]))


def point_values(writer: GraphWriter, spec: NeurcompSpec, arrays: Mapping[str, np.ndarray], for_cpu: bool) -> str:
    """Input "points" (N, 3); (components, N) normalised values."""
    del for_cpu  # the same everywhere
    rows = held_points(writer, spec.half_extent)
    return _rest(
        writer,
        spec,
        arrays,
        SINE.nodes(writer, dense(writer, Dense.of(arrays, "first").scaled(spec.omega), rows, "first")),
    )


def _rest(writer: GraphWriter, spec: NeurcompSpec, arrays: Mapping[str, np.ndarray], values: str) -> str:
    """Everything after the first layer's sines (width, N)."""
    scale = 1.0  # of the last block's result; left to the output layer's weights
    for i in range(len(spec.hidden)):
        if spec.residual:
            scale_in, scale_out = spec.block_scales(i)
            inner = _sine_layer(writer, spec, arrays, f"block{i}.inner", values, scale_in)
            outer = _sine_layer(writer, spec, arrays, f"block{i}.outer", inner, 1.0)
            values = writer.node("Add", values, outer, name="residual")
            if i + 1 == len(spec.hidden):
                scale = scale_out
            elif scale_out != 1.0:
                values = writer.node("Mul", values, np.array(scale_out, np.float32))
        else:
            values = _sine_layer(writer, spec, arrays, f"hidden{i}", values, 1.0)
    return dense(writer, Dense.of(arrays, "output").scaled(scale).after(SINE), values, "output")


def _sine_layer(
    writer: GraphWriter, spec: NeurcompSpec, arrays: Mapping[str, np.ndarray], name: str, values: str, scale: float
) -> str:
    """sin(omega * W (scale * values) + b)."""
    layer = Dense.of(arrays, name).scaled(spec.omega * scale).after(SINE).before(SINE)
    return SINE.nodes(writer, dense(writer, layer, values, name))
