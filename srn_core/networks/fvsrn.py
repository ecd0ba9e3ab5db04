"""fv-SRN: latent grid and a small SnakeAlt predictor (thesis 2.8, 2.9, 4.2)."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Optional

import torch
from torch import Tensor, nn

from srn_core.networks.base import Lattice, PruneSite, SceneNetwork
from srn_core.networks.fourier import axis_columns, fourier_features, position_features
from srn_core.networks.grid_filter import GridFilter
from srn_core.networks.latent_grid import LatentGrid
from srn_core.networks.lattice_error import LatticeError, Team
from srn_core.networks.snake import snake_stack
from srn_core.spec import FvSrnSpec

BESIDE_IDENTITY = 0.1
"""Share of its usual size that the output layer's other weights start with, where the predictor starts as identity."""


class FvSrn(SceneNetwork):
    """Position -> [position, Fourier features, latent at the position] -> predictor -> values.

        coefficients -gate-> inverse wavelet -> [filter] -> latent grid -interpolate-> z(u)
        u -> [u, gamma(u), z(u)] -> snake layers -> linear -> [+ z(u)] -> values

    With a skip there may be no layers at all: z(u) is the value.

    Sites for pruners: every array of latent coefficients, its shape without the feature axis, so
    that the features of one place live and die together (thesis 4.2.1).
    """

    def __init__(self, spec: FvSrnSpec, generator: Optional[torch.Generator] = None) -> None:
        super().__init__()
        self._spec = spec
        self.latent = LatentGrid(spec, generator)
        dense = []
        sizes = [spec.inputs, *spec.widths, spec.components] if spec.widths else []
        for size_in, size_out in zip(sizes, sizes[1:]):
            layer = nn.Linear(size_in, size_out)
            bound = size_in**-0.5
            with torch.no_grad():
                layer.weight.copy_(torch.empty_like(layer.weight).uniform_(-bound, bound, generator=generator))
                layer.bias.copy_(torch.empty_like(layer.bias).uniform_(-bound, bound, generator=generator))
            dense.append(layer)
        self.dense = dense
        self.layers = nn.ModuleList(dense)
        if spec.skip:
            self._start_small()
        elif spec.features == spec.components:
            self._start_as_identity()
        self.filter = GridFilter(spec, generator) if spec.filter else None
        self._team = Team()

    @torch.no_grad()
    def _start_as_identity(self) -> None:
        """Let the predictor begin as feature c -> component c, with little besides.

        SnakeAlt is half a straight line and an even function: snake(a) - snake(-a) = a. So two neurons of each layer
        carry a feature through unchanged. A predictor drawn at random often never finds a good way through for
        a single feature: on turbulent pressure some seeds then ended 3 dB below others.
        """
        first = 3 + 6 * self._spec.frequencies
        pairs = min(self._spec.components, min(self._spec.widths) // 2)
        for number, layer in enumerate(self.dense):
            output = number == len(self.dense) - 1
            if output:
                layer.weight.mul_(BESIDE_IDENTITY)
                layer.weight[:, : 2 * pairs] = 0.0
                layer.bias.zero_()
            for c in range(pairs):
                for row, sign in ((c, 1.0),) if output else ((2 * c, 1.0), (2 * c + 1, -1.0)):
                    if not output:
                        layer.weight[row] = 0.0
                        layer.bias[row] = 0.0
                    if number == 0:
                        layer.weight[row, first + c] = sign
                    else:
                        layer.weight[row, 2 * c], layer.weight[row, 2 * c + 1] = sign, -sign

    @torch.no_grad()
    def _start_small(self) -> None:
        """Let the predictor begin with little to add to the latents that are skipped past it."""
        for layer in self.dense[-1:]:
            layer.weight.mul_(BESIDE_IDENTITY)
            layer.bias.zero_()

    def spec(self) -> FvSrnSpec:
        return self._spec

    def sites(self) -> list[PruneSite]:
        return [PruneSite(name, tuple(p.shape[1:]), (p,)) for name, p in self.latent.coefficients.items()]

    def grid(self) -> Tensor:
        """The spatial latent grid (features, z, y, x), behind the gates and the filter."""
        names = self.latent.coefficients.keys()
        grid = self.latent.spatial({name: self.gated(name, self.latent.coefficient(name)) for name in names})
        return grid if self.filter is None else self.filter(grid)

    def forward(self, points: Tensor) -> Tensor:
        latent = self.latent.at_points(self.grid(), points)
        if not self.dense:
            return latent
        inputs = torch.cat([position_features(points, self._spec.frequencies), latent], -1)
        values = self._predict(nn.functional.linear(inputs, self.dense[0].weight, self.dense[0].bias))
        return values + latent if self._spec.skip else values

    def on_lattice(self, lattice: Lattice) -> Tensor:
        latent = self.latent.on_lattice(self.grid(), lattice)
        if not self.dense:
            return latent
        x, y, z = self._tables(lattice)
        position = (z[:, None, None] + y[:, None] + x).reshape(len(latent), -1)
        values = self._predict(torch.addmm(position, latent, self._latent_weight().t()))
        return values + latent if self._spec.skip else values

    def lattice_error(self, lattice: Lattice, target: Tensor, weight: Optional[Tensor] = None) -> Tensor:
        if self._spec.skip or target.device.type != "cpu" or not torch.is_grad_enabled():
            return super().lattice_error(lattice, target, weight)
        matrices = self.latent.lattice_matrices(lattice)
        layers = [t for layer in self.dense[1:] for t in (layer.weight, layer.bias)]
        tables = self._tables(lattice)
        return LatticeError.apply(
            self._team, matrices, target, weight, self.grid(), *tables, self._latent_weight(), *layers
        )

    def for_lattices(self) -> AbstractContextManager[None]:
        on_cpu = next(self.parameters()).device.type == "cpu"
        return self._team.in_charge() if on_cpu and not self._spec.skip else nullcontext()

    def _tables(self, lattice: Lattice) -> tuple[Tensor, Tensor, Tensor]:
        """What each axis adds to the first layer's pre-activation, (X, width), (Y, width), (Z, width) with the bias.

        The layer is linear in its inputs and each but the latents depends on one axis.
        """
        first, fourier = self.dense[0], self._spec.frequencies
        x, y, z = (
            torch.cat([u[:, None], fourier_features(u[:, None], fourier)], -1)
            @ first.weight[:, axis_columns(axis, fourier)].t()
            for axis, u in enumerate((lattice.x, lattice.y, lattice.z))
        )
        return x, y, z + first.bias

    def _latent_weight(self) -> Tensor:
        """The first layer's columns for the features, (width, features)."""
        return self.dense[0].weight[:, 3 + 6 * self._spec.frequencies :]

    def _predict(self, pre_activation: Tensor) -> Tensor:
        return snake_stack(pre_activation, [(layer.weight, layer.bias) for layer in self.dense[1:]])

    @torch.no_grad()
    def fold(self, site: str, scale: Tensor) -> None:
        self.latent.prune(site, scale)

    def kept_entries(self) -> dict[str, int]:
        return {name: int(self.latent.kept(name).sum()) for name in self.latent.coefficients}

    @torch.no_grad()
    def importance(self, site: str) -> Tensor:
        # A coefficient weighs what the predictor's first layer makes of its feature; without one, what it is.
        coefficients = self.latent.coefficient(site)
        weight = self._latent_weight().norm(dim=0) if self.dense else torch.ones_like(coefficients[:, 0, 0, 0])
        return (coefficients * weight.view(-1, *[1] * (coefficients.dim() - 1))).norm(dim=0)

    def tensors(self) -> dict[str, Tensor]:
        with torch.no_grad():
            for name, parameter in self.latent.coefficients.items():
                parameter.mul_(self.latent.kept(name))
        out: dict[str, Tensor] = dict(self.latent.coefficients.items())
        for i, layer in enumerate(self.dense):
            name = "output" if i == len(self.dense) - 1 else f"layer{i}"
            out[f"{name}.weight"], out[f"{name}.bias"] = layer.weight, layer.bias
        if self.filter is not None:
            out.update(self.filter.tensors())
        return out
