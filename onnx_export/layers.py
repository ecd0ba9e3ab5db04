"""Dense layers and the two activations, with every constant factor folded into the weights.

Features come first, (features, N): a bias is then added along long rows, and the layers are plain
``Gemm(W, X, b)``. An activation's graph output X stands for the value ``alpha + beta * X``; the next
layer takes alpha and beta into its own weights, in float64, so they cost nothing when decoding.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from onnx_export.graph_writer import GraphWriter


@dataclass(frozen=True)
class Activation:
    """What an activation asks of the layer before it and of the one after it."""

    gain: float
    """The layer before gives ``gain *`` the true pre-activation."""
    alpha: float
    beta: float
    """The true value is ``alpha + beta *`` the graph's."""


SINE = Activation(gain=1.0, alpha=0.0, beta=1.0)
"""sin(a) (thesis 2.4); omega is in the weights."""
SNAKE = Activation(gain=2.0, alpha=0.5, beta=0.5)
"""snake(a) = a / 2 + sin(a)^2 = (1 + (2a) / 2 - cos(2a)) / 2 (thesis 2.8): one cosine."""
LINEAR = Activation(gain=1.0, alpha=0.0, beta=1.0)


def sine(writer: GraphWriter, pre: str) -> str:
    """Graph of :data:`SINE`."""
    return str(writer.node("Sin", pre, name="sine"))


def snake(writer: GraphWriter, pre: str) -> str:
    """Graph of :data:`SNAKE`: pre / 2 - cos(pre), where pre = 2a."""
    half = writer.node("Mul", pre, np.array(0.5, np.float32))
    return str(writer.node("Sub", half, writer.node("Cos", pre), name="snake"))


@dataclass(frozen=True)
class Dense:
    """A layer's numbers in float64, ready to be folded."""

    weight: np.ndarray
    """(out, in)"""
    bias: np.ndarray
    """(out,)"""

    def after(self, activation: Activation) -> Dense:
        """The same layer taking the graph's X in place of the value it stands for."""
        return Dense(self.weight * activation.beta, self.bias + activation.alpha * self.weight.sum(axis=1))

    def before(self, activation: Activation) -> Dense:
        """The same layer giving what ``activation`` wants to be given."""
        return Dense(self.weight * activation.gain, self.bias * activation.gain)

    def scaled(self, weight: float) -> Dense:
        """The same layer with its weight, not its bias, scaled."""
        return Dense(self.weight * weight, self.bias)


def dense(writer: GraphWriter, layer: Dense, values: str, name: str) -> str:
    """(in, N) -> (out, N)."""
    weight, bias = layer.weight.astype(np.float32), layer.bias.astype(np.float32)[:, None]
    return str(
        writer.node("Gemm", writer.constant(weight, f"{name}.weight"), values, writer.constant(bias, f"{name}.bias"))
    )
