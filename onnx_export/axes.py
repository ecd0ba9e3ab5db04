"""Graph pieces for one axis of a grid, in float64: a few numbers per axis cost nothing, and keep full precision."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from onnx_export.graph_writer import GraphWriter

AXES = ("x", "y", "z")


def axis_inputs(writer: GraphWriter, half_extent: tuple[float, float, float]) -> list[str]:
    """Inputs "x", "y", "z": normalised coordinates, float64 (nx,), (ny,), (nz,), held within the volume."""
    held = []
    for axis, half in zip(AXES, half_extent):
        name = writer.input(axis, np.float64, [f"n{axis}"])
        held.append(writer.node("Max", writer.node("Min", name, np.array(half)), np.array(-half)))
    return held


class LatentAxis(NamedTuple):
    """The stretch of latent samples that an axis' coordinates lie in, and their shares in it."""

    first: str
    """int64 (1,): index of the first latent sample that is needed."""
    end: str
    """int64 (1,): one after the last."""
    shares: str
    """float32 (n, end - first): hat functions, each row adding up to 1."""


def latent_axis(writer: GraphWriter, coordinates: str, half: float, samples: int) -> LatentAxis:
    """Linear interpolation between ``samples`` latent samples that lie from -half to +half."""
    scale = (samples - 1) / (2.0 * half) if half > 0 else 0.0
    place = writer.node("Mul", writer.node("Add", coordinates, np.array(half)), np.array(scale))
    place = writer.node("Min", place, np.array(samples - 1.0))
    last = writer.node("Add", writer.node("Floor", writer.node("ReduceMax", place, keepdims=0)), np.array(1.0))
    last = writer.node("Min", last, np.array(samples - 1.0))
    first = writer.node("Floor", writer.node("ReduceMin", place, keepdims=0))
    end = writer.node("Add", last, np.array(1.0))
    vertices = writer.node("Range", first, end, np.array(1.0))
    distance = writer.node("Abs", writer.node("Sub", writer.reshape(place, [-1, 1]), vertices))
    hat = writer.node("Max", writer.node("Sub", np.array(1.0), distance), np.array(0.0))
    return LatentAxis(
        writer.cast(writer.reshape(first, [1]), np.int64),
        writer.cast(writer.reshape(end, [1]), np.int64),
        writer.cast(hat, np.float32),
    )


def fourier_axis(writer: GraphWriter, coordinates: str, frequencies: int) -> str:
    """float64 (1 + 2 L, n): u, then sin(2^l pi u) and cos(2^l pi u) for l = 0 .. L-1 (thesis 2.9)."""
    row = writer.reshape(coordinates, [1, -1])
    if not frequencies:
        return row
    angle = writer.node("Mul", row, np.pi * 2.0 ** np.arange(frequencies)[:, None])
    return str(writer.node("Concat", row, writer.node("Sin", angle), cosine(writer, angle), axis=0))


def cosine(writer: GraphWriter, angle: str) -> str:
    """cos of float64 angles. Older ONNX Runtimes have no Cos for float64, but a Sin."""
    return str(writer.node("Sin", writer.node("Add", angle, np.array(np.pi / 2))))
