"""fv-SRN (thesis 2.8, 2.9, 4.2) as a graph at points; :mod:`onnx_export.fvsrn_grid` has that for grids.

The latent grid comes as :func:`onnx_export.plain_network.plain_network` makes it: in space, and filtered.
"""

from __future__ import annotations

from typing import Mapping

import numpy as np

from onnx_export.graph_writer import GraphWriter
from onnx_export.layers import SNAKE, SNAKE_POLYNOMIAL, Activation, Dense, dense
from onnx_export.point_latents import held_points, point_latents
from srn_core.spec import FvSrnSpec


def predictor_layers(spec: FvSrnSpec, arrays: Mapping[str, np.ndarray], snake: Activation) -> list[Dense]:
    """The predictor's layers with the activation folded in; the first takes the spec's input as it is."""
    layers = [Dense.of(arrays, f"layer{i}").before(snake) for i in range(len(spec.widths))]
    layers.append(Dense.of(arrays, "output"))
    return layers[:1] + [layer.after(snake) for layer in layers[1:]]


def point_values(writer: GraphWriter, spec: FvSrnSpec, arrays: Mapping[str, np.ndarray], for_cpu: bool) -> str:
    """Input "points" (N, 3); (components, N) normalised values."""
    rows = held_points(writer, spec.half_extent)
    latents = point_latents(writer, rows, spec, arrays["grid"], table_of_cells=for_cpu)
    if not spec.widths:
        return latents
    snake = SNAKE_POLYNOMIAL if for_cpu else SNAKE
    layers = predictor_layers(spec, arrays, snake)
    inputs = writer.node("Concat", rows, *fourier_rows(writer, spec.frequencies, rows), latents, axis=0)
    values = after_first(writer, layers, snake, dense(writer, layers[0], inputs, "layer0"))
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


def after_first(writer: GraphWriter, layers: list[Dense], snake: Activation, pre: str) -> str:
    """The activations and layers after the first pre-activation (width, N)."""
    for i, layer in enumerate(layers[1:], start=1):
        pre = dense(writer, layer, snake.nodes(writer, pre), f"layer{i}")
    return pre
