"""Neurcomp, the residual SIREN (thesis 2.4, 2.5), as graphs: at the crossings of three axes, and at points.

On a grid the first layer's sine is a sum of angles, sin(A + B) = sin A cos B + cos A sin B with A of
(y, z) and B of x, so a whole layer of sines becomes a product of matrices of inner size 2. These few sines are worked
out beforehand, in float64.
"""

from __future__ import annotations

from typing import Mapping, Sequence

import numpy as np

from onnx_export.graph_writer import GraphWriter
from onnx_export.layers import SINE, Dense, dense
from onnx_export.point_latents import held_points
from srn_core.spec import NeurcompSpec


def grid_values(writer: GraphWriter, spec: NeurcompSpec, arrays: Mapping[str, np.ndarray], for_cpu: bool) -> str:
    """Inputs as :func:`grid_inputs` gives them; (components, nz * ny * nx) normalised values."""
    del for_cpu  # the same everywhere
    rows = writer.input("zy", np.float32, [spec.width, "nz * ny", 2])
    columns = writer.input("x", np.float32, [spec.width, 2, "nx"])
    return _rest(writer, spec, arrays, writer.reshape(writer.node("MatMul", rows, columns), [spec.width, -1]))


def grid_inputs(
    spec: NeurcompSpec, arrays: Mapping[str, np.ndarray], axes: Sequence[np.ndarray]
) -> dict[str, np.ndarray]:
    """The graph's inputs where the normalised coordinates x, y, z cross, none of them NaN: sines and cosines of the
    part of the first layer's angle that y and z make, and of the part that x and the bias make."""
    first = Dense.of(arrays, "first").scaled(spec.omega)
    x, y, z = (
        np.multiply.outer(first.weight[:, axis], np.clip(u, -half, half))
        for axis, (u, half) in enumerate(zip(axes, spec.half_extent))
    )
    x += first.bias[:, None]
    y, z = y[:, None, :], z[:, :, None]
    sin_y, cos_y, sin_z, cos_z = np.sin(y), np.cos(y), np.sin(z), np.cos(z)
    sine, cosine = sin_z * cos_y + cos_z * sin_y, cos_z * cos_y - sin_z * sin_y
    return {
        "zy": np.stack([sine, cosine], axis=-1).reshape(spec.width, -1, 2).astype(np.float32),
        "x": np.stack([np.cos(x), np.sin(x)], axis=1).astype(np.float32),
    }


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
