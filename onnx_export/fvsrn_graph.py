"""fv-SRN (thesis 2.8, 2.9, 4.2) as graphs: at the crossings of three axes, and at points.

The latent grid comes as :func:`onnx_export.plain_network.plain_network` makes it: in space, and filtered.

On a grid everything before the first activation falls apart into axes: the position's part is a sum of
one term per axis, and the latent grid is interpolated along x, then y, for the few latent planes
around a slab, then along z straight into the first pre-activation.
"""

from __future__ import annotations

from typing import Mapping

import numpy as np

from onnx_export.axes import LatentAxis, axis_inputs, fourier_axis, latent_axis
from onnx_export.graph_writer import GraphWriter
from onnx_export.layers import SNAKE, SNAKE_POLYNOMIAL, Activation, Dense, dense
from onnx_export.point_latents import held_points, point_latents
from srn_core.spec import FvSrnSpec


def predictor_layers(spec: FvSrnSpec, arrays: Mapping[str, np.ndarray], snake: Activation) -> list[Dense]:
    """The predictor's layers with the activation folded in; the first takes the spec's input as it is."""
    layers = [Dense.of(arrays, f"layer{i}").before(snake) for i in range(len(spec.widths))]
    layers.append(Dense.of(arrays, "output"))
    return layers[:1] + [layer.after(snake) for layer in layers[1:]]


def grid_values(writer: GraphWriter, spec: FvSrnSpec, arrays: Mapping[str, np.ndarray], for_cpu: bool) -> str:
    """Inputs x, y, z; (components, nz * ny * nx) normalised values."""
    coordinates = axis_inputs(writer, spec.half_extent)
    x, y, z = (
        latent_axis(writer, c, half, samples)
        for c, half, samples in zip(coordinates, spec.half_extent, spec.grid[::-1])
    )
    latent = writer.node(
        "Slice",
        writer.constant(arrays["grid"], "latent"),
        writer.node("Concat", z.first, y.first, x.first, axis=0),
        writer.node("Concat", z.end, y.end, x.end, axis=0),
        np.array([1, 2, 3], np.int64),
    )
    latent = writer.node("MatMul", latent, writer.node("Transpose", x.shares, perm=[1, 0]))
    latent = writer.node("MatMul", y.shares, latent)  # (features, latent z, ny, nx)
    values = _predicted_grid(writer, spec, arrays, for_cpu, coordinates, latent, z) if spec.widths else ""
    if not spec.skip:
        return values
    # Each latent plane as a row: the axis z is the last one left.
    nx, ny = (writer.node("Shape", c) for c in coordinates[:2])
    planes = writer.reshape(latent, [spec.features, -1, writer.node("Mul", nx, ny)])
    skipped = writer.reshape(writer.node("MatMul", z.shares, planes), [spec.features, -1])
    return str(writer.node("Add", values, skipped)) if values else skipped


def _predicted_grid(
    writer: GraphWriter,
    spec: FvSrnSpec,
    arrays: Mapping[str, np.ndarray],
    for_cpu: bool,
    coordinates: list[str],
    latent: str,
    z: LatentAxis,
) -> str:
    """(components, nz * ny * nx): what the predictor makes of ``latent`` (features, latent z, ny, nx)."""
    snake = SNAKE_POLYNOMIAL if for_cpu else SNAKE
    layers = predictor_layers(spec, arrays, snake)
    first = layers[0]
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
    return _rest(writer, layers, snake, values)


def point_values(writer: GraphWriter, spec: FvSrnSpec, arrays: Mapping[str, np.ndarray], for_cpu: bool) -> str:
    """Input "points" (N, 3); (components, N) normalised values."""
    rows = held_points(writer, spec.half_extent)
    latents = point_latents(writer, rows, spec, arrays["grid"], table_of_cells=for_cpu)
    if not spec.widths:
        return latents
    snake = SNAKE_POLYNOMIAL if for_cpu else SNAKE
    layers = predictor_layers(spec, arrays, snake)
    inputs = writer.node("Concat", rows, *fourier_rows(writer, spec.frequencies, rows), latents, axis=0)
    values = _rest(writer, layers, snake, dense(writer, layers[0], inputs, "layer0"))
    return str(writer.node("Add", values, latents)) if spec.skip else values


def fourier_rows(writer: GraphWriter, frequencies: int, rows: str) -> list[str]:
    """sin(2^l pi u), cos(2^l pi u), each (3, N), for l = 0 .. frequencies-1, of ``rows`` (3, N).

    Sines are dear on a CPU: only each fourth level takes them, the others double the angle of the one
    below, which doubles its rounding error too.
    """
    parts: list[str] = []
    sine = cosine = ""
    for level in range(frequencies):
        if level % 4:
            double = writer.node("Add", sine, sine)
            square = writer.node("Mul", double, sine)
            sine = writer.node("Mul", double, cosine)
            cosine = writer.node("Sub", np.array(1.0, np.float32), square)
        else:
            # 2^l u and its distance to the nearest even number are exact in float32, whatever l is.
            angle = writer.node("Mul", rows, np.array(2.0**level, np.float32))
            turns = writer.node("Round", writer.node("Mul", angle, np.array(0.5, np.float32)))
            angle = writer.node("Sub", angle, writer.node("Mul", turns, np.array(2.0, np.float32)))
            angle = writer.node("Mul", angle, np.array(np.pi, np.float32))
            sine, cosine = writer.node("Sin", angle), writer.node("Cos", angle)
        parts += [sine, cosine]
    return parts


def _rest(writer: GraphWriter, layers: list[Dense], snake: Activation, pre: str) -> str:
    """The activations and layers after the first pre-activation (width, N)."""
    for i, layer in enumerate(layers[1:], start=1):
        pre = dense(writer, layer, snake.nodes(writer, pre), f"layer{i}")
    return pre


def _position_term(writer: GraphWriter, spec: FvSrnSpec, first: Dense, axis: int, coordinates: str) -> str:
    """(width, n) float32: what one coordinate adds to the first pre-activation; the bias goes with x."""
    columns = [axis] + [3 + 6 * level + 3 * part + axis for part in (0, 1) for level in range(spec.frequencies)]
    term = writer.node("MatMul", first.weight[:, columns], fourier_axis(writer, coordinates, spec.frequencies))
    if axis == 0:
        term = writer.node("Add", term, first.bias[:, None])
    return writer.cast(term, np.float32)
