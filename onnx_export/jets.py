"""Forward mode: how values change with the position, pushed through the layers beside the values themselves.

A layer's weights serve both; an activation multiplies the tangents by its slope.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from onnx_export.graph_writer import GraphWriter
from onnx_export.layers import Activation, Dense, dense
from srn_core.spec import NetworkSpec

ON_BORDER = 1e-6
"""How far outside the volume, in normalised coordinates, a position still counts as on its border."""


class Jet(NamedTuple):
    """Two graph tensors: values, and their derivatives by the normalised coordinates x, y, z."""

    values: str
    """(features, N)"""
    tangents: str
    """(3, features, N)"""


def dense_jet(writer: GraphWriter, layer: Dense, jet: Jet, name: str) -> Jet:
    """A dense layer: features in -> features out."""
    weight = writer.constant(layer.weight.astype(np.float32), f"{name}.weight")
    return Jet(dense(writer, layer, jet.values, name), writer.node("MatMul", weight, jet.tangents))


def active_jet(writer: GraphWriter, activation: Activation, jet: Jet) -> Jet:
    """An activation of the scaled pre-activations that it asks for."""
    slope = activation.slope(writer, jet.values)
    return Jet(activation.nodes(writer, jet.values), writer.node("Mul", jet.tangents, slope))


def sum_of_jets(writer: GraphWriter, first: Jet, second: Jet) -> Jet:
    """Both added up."""
    return Jet(*(writer.node("Add", a, b) for a, b in zip(first, second)))


def held_tangents(writer: GraphWriter, spec: NetworkSpec, jet: Jet) -> str:
    """Tangents of the field as it is held at the border: 0 along an axis on which a position of the input "points"
    lies outside, or which has one sample; not a number where the value is none."""
    rows = writer.node("Transpose", "points", perm=[1, 0])
    half = np.array(spec.half_extent)[:, None]
    reach = np.where(half > 0, half + ON_BORDER, -1.0).astype(np.float32)
    inside = writer.cast(writer.node("Less", writer.node("Abs", rows), reach), np.float32)
    tangents = writer.node("Mul", jet.tangents, writer.node("Unsqueeze", inside, np.array([1], np.int64)))
    return str(writer.node("Add", tangents, writer.node("Sub", jet.values, jet.values)))
