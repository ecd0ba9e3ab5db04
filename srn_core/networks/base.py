"""The contract every network keeps: a spec, named arrays, and sites where a pruner may set its gates."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Callable, Mapping, Optional

import numpy as np
import torch
from torch import Tensor, nn

from srn_core.spec import NetworkSpec

Gate = Callable[[Tensor], Tensor]
"""What a pruner puts at a site: takes the gated tensor, whose trailing axes are the site's shape.

A gate may also have a method ``linear(values, weight, bias)`` that gives ``weight @ gate(values) + bias`` its own way:
a network asks for that at once where a linear layer follows a site (see :meth:`SceneNetwork.gated_linear`).
"""


@dataclass(frozen=True)
class PruneSite:
    """A place where something can be switched off: a layer's neurons, or a level's latent coefficients."""

    name: str
    shape: tuple[int, ...]
    weights: tuple[Tensor, ...]
    """The parameters the gate scales, on which a pruner puts its weight loss."""


@dataclass(frozen=True)
class Lattice:
    """Tensor-product positions: every combination of three axes of normalised coordinates."""

    x: Tensor
    y: Tensor
    z: Tensor

    @property
    def shape(self) -> tuple[int, int, int]:
        """(z, y, x) number of positions."""
        return len(self.z), len(self.y), len(self.x)

    def points(self) -> Tensor:
        """All positions (z * y * x, 3), x fastest."""
        z, y, x = torch.meshgrid(self.z, self.y, self.x, indexing="ij")
        return torch.stack([x, y, z], -1).reshape(-1, 3)


def mean_squared_error(values: Tensor, target: Tensor, weight: Optional[Tensor] = None) -> Tensor:
    """Mean over (N, components) of the squared difference, counting what has weight 1 (N, 1) (thesis 2.6)."""
    squares = (values - target).square()
    if weight is None:
        return squares.mean()
    return (squares * weight).sum() / (weight.sum() * squares.shape[1]).clamp(min=1.0)


class SceneNetwork(nn.Module, ABC):
    """A function of normalised position u (x, y, z) to normalised values (components)."""

    def __init__(self) -> None:
        super().__init__()
        self._gates: dict[str, Gate] = {}

    @abstractmethod
    def forward(self, points: Tensor) -> Tensor:
        """Values (N, components) at positions (N, 3)."""

    @abstractmethod
    def on_lattice(self, lattice: Lattice) -> Tensor:
        """Values (z * y * x, components) on a lattice, sharing what the axes let it share."""

    def lattice_error(self, lattice: Lattice, target: Tensor, weight: Optional[Tensor] = None) -> Tensor:
        """Mean squared error on a lattice against (z * y * x, components), over what has weight (z * y * x, 1)."""
        return mean_squared_error(self.on_lattice(lattice), target, weight)

    def values_and_gradient(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Values (N, components) and their exact derivatives along x, y, z (N, components, 3) at positions (N, 3).

        Both lead back to the parameters, so that a loss may hold them (2.7). Raises NotImplementedError for a
        network whose derivatives jump, as those of a latent grid do at its planes.
        """
        raise NotImplementedError(f"{type(self).__name__} has no derivative that a loss could use")

    def for_lattices(self) -> AbstractContextManager[None]:
        """A context for many calls of :meth:`lattice_error` in a row."""
        return nullcontext()

    @abstractmethod
    def spec(self) -> NetworkSpec:
        """The spec of the network as it stands, after any shrinking."""

    @abstractmethod
    def sites(self) -> list[PruneSite]:
        """Where a pruner may set gates."""

    @abstractmethod
    def fold(self, site: str, scale: Tensor) -> None:
        """Multiply a site's gate values (its shape) into the parameters and remove what they zero, for good."""

    def kept_entries(self) -> dict[str, int]:
        """Site -> entries of it that are left after folding."""
        return {site.name: math.prod(site.shape) for site in self.sites()}

    @abstractmethod
    def importance(self, site: str) -> Tensor:
        """How much the output would miss each entry of a site (the site's shape); comparable across sites."""

    def set_gate(self, site: str, gate: Optional[Gate]) -> None:
        """Put a gate at a site, or take it away (None)."""
        if site not in {s.name for s in self.sites()}:
            raise KeyError(f"no site '{site}' in this network")
        if gate is None:
            self._gates.pop(site, None)
        else:
            self._gates[site] = gate

    def gated(self, site: str, values: Tensor) -> Tensor:
        """``values`` after the gate of a site, if there is one."""
        gate = self._gates.get(site)
        return values if gate is None else gate(values)

    def gate_factors(self, site: str, like: Tensor) -> Optional[Tensor]:
        """What the gate of a site multiplies values shaped as ``like`` with, drawn once; None: there is no gate.

        For values that go through together with their derivatives, which need the same factors.
        """
        gate = self._gates.get(site)
        return None if gate is None else gate(torch.ones_like(like))

    def gated_linear(self, site: str, values: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """``gated(site, values) @ weight.T + bias``, by the gate itself where it knows how."""
        linear = getattr(self._gates.get(site), "linear", None)
        if linear is not None:
            return linear(values, weight, bias)
        return torch.addmm(bias, self.gated(site, values), weight.t())

    @abstractmethod
    def tensors(self) -> dict[str, Tensor]:
        """Name -> parameter for every array of the spec, zeroed where pruned."""

    def arrays(self) -> dict[str, np.ndarray]:
        """Name -> float32 array for every array of the spec."""
        return {name: t.detach().cpu().numpy().astype(np.float32, copy=True) for name, t in self.tensors().items()}

    @torch.no_grad()
    def load_arrays(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Set the parameters from arrays in the spec's shapes; zeros of latent arrays stay free to train."""
        for name, tensor in self.tensors().items():
            tensor.copy_(torch.as_tensor(np.asarray(arrays[name], np.float32)))
