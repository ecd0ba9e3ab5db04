"""Dense layers and the two activations, with every constant factor folded into the weights.

Features come first, (features, N): a bias is then added along long rows, and the layers are plain
``Gemm(W, X, b)``. An activation's graph output X stands for the value ``alpha + beta * X``; the next
layer takes alpha and beta into its own weights, in float64, so they cost nothing when decoding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Mapping, Sequence, Union

import numpy as np

from onnx_export.graph_writer import GraphWriter


@dataclass(frozen=True)
class Activation:
    """What an activation asks of the layer before it and of the one after it, and its nodes."""

    gain: float
    """The layer before gives ``gain *`` the true pre-activation."""
    alpha: float
    beta: float
    """The true value is ``alpha + beta *`` the graph's."""
    nodes: Callable[[GraphWriter, str], str]
    """(writer, scaled pre-activation) -> the graph's X."""
    slope: Callable[[GraphWriter, str], str]
    """(writer, scaled pre-activation) -> how X changes with it."""


def _sine(writer: GraphWriter, pre: str) -> str:
    return str(writer.node("Sin", pre, name="sine"))


def _cosine(writer: GraphWriter, pre: str) -> str:
    return str(writer.node("Cos", pre, name="slope"))


def _snake(writer: GraphWriter, pre: str) -> str:
    half = writer.node("Mul", pre, np.array(0.5, np.float32))
    return str(writer.node("Sub", half, writer.node("Cos", pre), name="snake"))


def _snake_slope(writer: GraphWriter, pre: str) -> str:
    return str(writer.node("Add", writer.node("Sin", pre), np.array(0.5, np.float32), name="slope"))


SINE = Activation(gain=1.0, alpha=0.0, beta=1.0, nodes=_sine, slope=_cosine)
"""sin(a) (thesis 2.4); omega is in the weights."""
SNAKE = Activation(gain=2.0, alpha=0.5, beta=0.5, nodes=_snake, slope=_snake_slope)
"""snake(a) = a / 2 + sin(a)^2 = (1 + (2a) / 2 - cos(2a)) / 2 (thesis 2.8): one cosine."""

SINE_ROOT = (3.1415743517422805, -5.166959591109145, 2.540648330909892, -0.5520517077995996)
"""sin(pi r) = r (c0 + c1 r^2 + c2 r^4 + c3 r^6) for |r| <= 1/2, with the least error of its square: 8.4e-7."""
_LEAD = SINE_ROOT[3] ** 2
FULL_SINE = (6.283056321941878, -41.33124628113707, 81.36733107143148, -74.48103719476178, 32.78727384209271)
"""sin(2 pi r) = r (c0 + c1 r^2 + ... + c4 r^8) for |r| <= 1/2, with the least error: 6.1e-6."""


def _numbers(writer: GraphWriter) -> Callable[[str, str, Union[str, float]], str]:
    """``node(op, first, second)`` where the second may be a number."""

    def node(op: str, first: str, second: Union[str, float]) -> str:
        return str(writer.node(op, first, second if isinstance(second, str) else np.array(second, np.float32)))

    return node


def _rest_of_turn(writer: GraphWriter, pre: str) -> tuple[str, str]:
    """Distance of ``pre`` to the nearest whole number, and its square."""
    node = _numbers(writer)
    # Adding 1.5 * 2^23 leaves no bits for a fraction: float32 rounds to a whole number.
    turns = node("Sub", node("Add", pre, 1.5 * 2**23), 1.5 * 2**23)
    rest = node("Sub", pre, turns)
    return rest, node("Mul", rest, rest)


def _odd_polynomial(writer: GraphWriter, rest: str, square: str, coefficients: Sequence[float]) -> str:
    """r (c0 + c1 r^2 + ...), divided by the last coefficient."""
    node, (*lower, last) = _numbers(writer), coefficients
    total = node("Add", square, lower[-1] / last)
    for c in reversed(lower[:-1]):
        total = node("Add", node("Mul", total, square), c / last)
    return node("Mul", total, rest)


def _snake_polynomial(writer: GraphWriter, pre: str) -> str:
    node = _numbers(writer)
    root = _odd_polynomial(writer, *_rest_of_turn(writer, pre), SINE_ROOT)
    return node("Add", node("Mul", pre, np.pi / 2 / _LEAD), node("Mul", root, root))


def _snake_polynomial_slope(writer: GraphWriter, pre: str) -> str:
    # snake'(a) = 1/2 + sin(2 a), and pre = a / pi.
    node, unit = _numbers(writer), np.pi / _LEAD
    sine = _odd_polynomial(writer, *_rest_of_turn(writer, pre), FULL_SINE)
    return node("Add", node("Mul", sine, FULL_SINE[-1] * unit), unit / 2)


SNAKE_POLYNOMIAL = Activation(
    gain=1.0 / np.pi, alpha=0.0, beta=_LEAD, nodes=_snake_polynomial, slope=_snake_polynomial_slope
)
"""snake(a) from a / pi without a cosine: sin(a)^2 has the period 1 in it, so the nearest whole number
is taken off and the rest goes into a polynomial. ONNX Runtime's cosine works through one number at a
time on a CPU; thirteen plain operations, on several numbers at once, take less time."""


@dataclass(frozen=True)
class Dense:
    """A layer's numbers in float64, ready to be folded."""

    weight: np.ndarray
    """(out, in)"""
    bias: np.ndarray
    """(out,)"""

    @classmethod
    def of(cls, arrays: Mapping[str, np.ndarray], name: str) -> Dense:
        """The arrays ``name.weight`` and ``name.bias``."""
        return cls(arrays[f"{name}.weight"].astype(np.float64), arrays[f"{name}.bias"].astype(np.float64))

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
