"""What a network is trained on in one step: positions, and the truth there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Union

from torch import Tensor

from srn_core.networks.base import Lattice, SceneNetwork, mean_squared_error


@dataclass(frozen=True)
class Batch:
    """Positions and the truth there."""

    positions: Union[Lattice, Tensor]
    """A lattice, or normalised positions (N, 3)."""
    target: Tensor
    """(N, components)."""
    weight: Optional[Tensor]
    """(N, 1), 1 where there is truth, 0 where not; None: everywhere."""
    gradient: Optional[Tensor] = None
    """(N, components, 3): the truth's derivative along normalised x, y, z; None: not asked for."""
    gradient_weight: Optional[Tensor] = None
    """(N, 1), 1 where ``gradient`` is known, 0 where not; None: everywhere."""

    def error(self, network: SceneNetwork) -> Tensor:
        """The network's mean squared error at the batch's positions (thesis 2.6)."""
        if isinstance(self.positions, Lattice):
            return network.lattice_error(self.positions, self.target, self.weight)
        return mean_squared_error(network(self.positions), self.target, self.weight)

    def gradient_error(self, network: SceneNetwork) -> Tensor:
        """Mean squared error of the network's spatial derivatives (thesis 2.7, second term).

        Raises ValueError for a batch without them.
        """
        if self.gradient is None:
            raise ValueError("this batch holds no derivatives")
        _, gradient = network.values_and_gradient(self.points())
        return mean_squared_error(gradient.flatten(1), self.gradient.flatten(1), self.gradient_weight)

    def values(self, network: SceneNetwork) -> Tensor:
        """The network's values (N, components) at the batch's positions."""
        if isinstance(self.positions, Lattice):
            return network.on_lattice(self.positions)
        return network(self.positions)

    def points(self) -> Tensor:
        """The positions as (N, 3), whatever they are."""
        if isinstance(self.positions, Lattice):
            return self.positions.points()
        return self.positions
