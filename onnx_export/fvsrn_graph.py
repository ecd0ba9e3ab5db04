"""fv-SRN (thesis 2.8, 2.9, 4.2) as graphs: at the crossings of three axes, and at points.

On a grid everything before the first activation falls apart into axes: the position's part is a sum of
one term per axis, and the latent grid is interpolated along x, then y, for the few latent planes
around a slab, then along z straight into the first pre-activation.
"""

from __future__ import annotations

from typing import Mapping

import numpy as np

from onnx_export.axes import axis_inputs, fourier_axis, latent_axis
from onnx_export.graph_writer import GraphWriter
from onnx_export.layers import LINEAR, SNAKE, Dense, dense, snake
from onnx_export.point_latents import corner_latents, held_points
from srn_core.spec import FvSrnSpec
from srn_core.wavelet import synthesise


def layers_of(spec: FvSrnSpec, arrays: Mapping[str, np.ndarray]) -> list[Dense]:
    """The predictor's layers, folded; the first takes the spec's input as it is."""
    names = [f"layer{i}" for i in range(len(spec.widths))] + ["output"]
    layers = []
    for i, name in enumerate(names):
        layer = Dense(arrays[f"{name}.weight"].astype(np.float64), arrays[f"{name}.bias"].astype(np.float64))
        layer = layer.before(SNAKE if i < len(spec.widths) else LINEAR)
        layers.append(layer.after(SNAKE) if i > 0 else layer)
    return layers


def grid_values(writer: GraphWriter, spec: FvSrnSpec, arrays: Mapping[str, np.ndarray]) -> str:
    """Inputs x, y, z; (components, nz * ny * nx) normalised values."""
    layers = layers_of(spec, arrays)
    first = layers[0]
    coordinates = axis_inputs(writer, spec.half_extent)
    x, y, z = (
        latent_axis(writer, c, half, samples)
        for c, half, samples in zip(coordinates, spec.half_extent, spec.grid[::-1])
    )
    latent = writer.node(
        "Slice",
        writer.constant(synthesise(spec, arrays), "latent"),
        writer.node("Concat", z.first, y.first, x.first, axis=0),
        writer.node("Concat", z.end, y.end, x.end, axis=0),
        np.array([1, 2, 3], np.int64),
    )
    latent = writer.node("MatMul", latent, writer.node("Transpose", x.shares, perm=[1, 0]))
    latent = writer.node("MatMul", y.shares, latent)  # (features, latent z, ny, nx)
    width = len(first.bias)
    planes = writer.node(
        "MatMul",
        first.weight[:, -spec.features :].astype(np.float32),
        writer.reshape(latent, [spec.features, -1]),
    )
    nx, ny = (writer.node("Shape", c) for c in coordinates[:2])
    planes = writer.reshape(planes, [width, -1, ny, nx])
    terms = [_position_term(writer, spec, first, axis, c) for axis, c in enumerate(coordinates)]
    across = writer.node(
        "Add", writer.reshape(terms[1], [width, 1, -1, 1]), writer.reshape(terms[0], [width, 1, 1, -1])
    )
    planes = writer.node("Add", planes, across)
    # The term along z rides on the interpolation along z, as the share of one more plane of ones.
    plane = writer.node("Mul", nx, ny)
    planes = writer.node(
        "Concat",
        writer.node("Reshape", planes, writer.node("Concat", np.array([width, -1], np.int64), plane, axis=0)),
        writer.node(
            "Expand",
            np.ones((1, 1, 1), np.float32),
            writer.node("Concat", np.array([width, 1], np.int64), plane, axis=0),
        ),
        axis=1,
    )
    shares = writer.node("Expand", z.shares, np.array([width, 1, 1], np.int64))
    shares = writer.node("Concat", shares, writer.reshape(terms[2], [width, -1, 1]), axis=2)
    values = writer.reshape(writer.node("MatMul", shares, planes), [width, -1])
    return _rest(writer, layers, values)


def point_values(writer: GraphWriter, spec: FvSrnSpec, arrays: Mapping[str, np.ndarray], table_of_cells: bool) -> str:
    """Input "points" (N, 3); (components, N) normalised values."""
    layers = layers_of(spec, arrays)
    first = layers[0]
    points = held_points(writer, spec.half_extent)
    rows = writer.node("Transpose", points, perm=[1, 0])  # (3, N)
    position = rows
    if spec.frequencies:
        # 2^l u and its distance to the nearest even number are exact in float32, whatever l is.
        angle = writer.node(
            "Reshape",
            writer.node(
                "Mul",
                writer.node("Unsqueeze", rows, np.array([0], np.int64)),
                (2.0 ** np.arange(spec.frequencies, dtype=np.float32))[:, None, None].astype(np.float32),
            ),
            np.array([3 * spec.frequencies, -1], np.int64),
        )
        turns = writer.node("Round", writer.node("Mul", angle, np.array(0.5, np.float32)))
        angle = writer.node("Sub", angle, writer.node("Mul", turns, np.array(2.0, np.float32)))
        angle = writer.node("Mul", angle, np.array(np.pi, np.float32))
        position = writer.node("Concat", rows, writer.node("Sin", angle), writer.node("Cos", angle), axis=0)
    order = _position_columns(spec)
    values = dense(writer, Dense(first.weight[:, order], first.bias), position, "position")
    corners, repeats = corner_latents(writer, points, rows, spec, synthesise(spec, arrays), table_of_cells)
    weight = np.tile(first.weight[:, -spec.features :], (1, repeats)).astype(np.float32)
    values = writer.node("Gemm", writer.constant(weight, "latent.weight"), corners, values, transB=1)
    return _rest(writer, layers, values)


def _rest(writer: GraphWriter, layers: list[Dense], pre: str) -> str:
    """The activations and layers after the first pre-activation (width, N)."""
    for i, layer in enumerate(layers[1:], start=1):
        pre = dense(writer, layer, snake(writer, pre), f"layer{i}")
    return pre


def _position_term(writer: GraphWriter, spec: FvSrnSpec, first: Dense, axis: int, coordinates: str) -> str:
    """(width, n) float32: what one coordinate adds to the first pre-activation; the bias goes with x."""
    columns = [axis] + [3 + 6 * level + 3 * part + axis for part in (0, 1) for level in range(spec.frequencies)]
    term = writer.node("MatMul", first.weight[:, columns], fourier_axis(writer, coordinates, spec.frequencies))
    if axis == 0:
        term = writer.node("Add", term, first.bias[:, None])
    return writer.cast(term, np.float32)


def _position_columns(spec: FvSrnSpec) -> list[int]:
    """Columns of the spec's input in the order u, all sines by level, all cosines by level."""
    return [0, 1, 2] + [
        3 + 6 * level + 3 * part + axis for part in (0, 1) for level in range(spec.frequencies) for axis in range(3)
    ]
