"""Neurcomp: SIREN layers with or without residual blocks (thesis 4.1)."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Optional, Union

import torch
from torch import Tensor, nn

from srn_core.networks.base import Lattice, PruneSite, SceneNetwork
from srn_core.networks.siren import Jet, ResidualSineBlock, SineLayer
from srn_core.spec import NeurcompSpec


class Neurcomp(SceneNetwork):
    """Position -> sine layer -> residual blocks or sine layers -> linear -> values.

    Sites for pruners: the inner layer of every residual block, whose outside must keep its width;
    without residual blocks every sine layer (thesis 4.1.1).
    """

    def __init__(self, spec: NeurcompSpec, generator: Optional[torch.Generator] = None) -> None:
        super().__init__()
        self._spec = spec
        self.first = SineLayer(3, spec.width, spec.omega, True, generator)
        self.residual_blocks: list[ResidualSineBlock] = []
        self.hidden: list[SineLayer] = []
        last = spec.width
        for i, size in enumerate(spec.hidden):
            if spec.residual:
                self.residual_blocks.append(ResidualSineBlock(last, size, spec.omega, spec.block_scales(i), generator))
            else:
                self.hidden.append(SineLayer(last, size, spec.omega, False, generator))
                last = size
        self.stack = nn.ModuleList([*self.residual_blocks, *self.hidden])
        self.output = nn.Linear(last, spec.components)
        bound = math.sqrt(6.0 / last) / spec.omega
        with torch.no_grad():
            self.output.weight.copy_(torch.empty_like(self.output.weight).uniform_(-bound, bound, generator=generator))
            self.output.bias.zero_()

    def spec(self) -> NeurcompSpec:
        return self._spec

    def sites(self) -> list[PruneSite]:
        if self._spec.residual:
            return [
                PruneSite(f"block{i}.inner", (b.inner.weight.shape[0],), (b.outer.weight,))
                for i, b in enumerate(self.residual_blocks)
            ]
        layers = [self.first, *self.hidden]
        followers: list[Union[SineLayer, nn.Linear]] = [*self.hidden, self.output]
        names = ["first"] + [f"hidden{i}" for i in range(len(self.hidden))]
        return [
            PruneSite(name, (len(layer.weight),), (follower.weight,))
            for name, layer, follower in zip(names, layers, followers)
        ]

    def forward(self, points: Tensor) -> Tensor:
        return self._after_first(self.first(points))

    def on_lattice(self, lattice: Lattice) -> Tensor:
        # The first layer's argument is a sum of one small table per axis.
        weight = self.first.omega * self.first.weight
        x, y, z = (u[:, None] * weight[:, axis] for axis, u in enumerate((lattice.x, lattice.y, lattice.z)))
        angle = (z + self.first.bias)[:, None, None] + y[:, None] + x
        return self._after_first(torch.sin(angle.reshape(-1, weight.shape[0])))

    def values_and_gradient(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """As in the base class. Gates multiply values and derivatives alike; their ``linear`` is not asked, since noise
        drawn behind a linear map would not say how it changes with the position."""
        directions = torch.eye(3, dtype=points.dtype, device=points.device)[None]
        x = self.first.of_jet(Jet(points, directions))
        for i, block in enumerate(self.residual_blocks):
            inner = block.inner.of_jet(x if block.in_scale == 1.0 else x.times(block.in_scale))
            x = x.plus(block.outer.of_jet(self._gated_jet(f"block{i}.inner", inner)))
            if block.out_scale != 1.0:
                x = x.times(block.out_scale)
        if not self._spec.residual:
            for name, layer in zip(["first", *(f"hidden{i}" for i in range(len(self.hidden)))], self.hidden):
                x = layer.of_jet(self._gated_jet(name, x))
            x = self._gated_jet(f"hidden{len(self.hidden) - 1}" if self.hidden else "first", x)
        out = x.linear(self.output.weight, self.output.bias)
        return out.value, out.slope.transpose(1, 2)

    def _gated_jet(self, site: str, x: Jet) -> Jet:
        factors = self.gate_factors(site, x.value)
        return x if factors is None else x.times(factors)

    def _after_first(self, x: Tensor) -> Tensor:
        if not self._spec.residual:
            site = "first"
            for i, layer in enumerate(self.hidden):
                x = torch.sin(self.gated_linear(site, x, layer.omega * layer.weight, layer.bias))
                site = f"hidden{i}"
            return self.gated_linear(site, x, self.output.weight, self.output.bias)
        for i, block in enumerate(self.residual_blocks):
            inner = block.inner(x if block.in_scale == 1.0 else block.in_scale * x)
            outer = block.outer
            x = x + torch.sin(self.gated_linear(f"block{i}.inner", inner, outer.omega * outer.weight, outer.bias))
            if block.out_scale != 1.0:
                x = block.out_scale * x
        return self.output(x)

    @torch.no_grad()
    def fold(self, site: str, scale: Tensor) -> None:
        """Scale the outgoing weights of a site's neurons and cut the neurons whose scale is 0 out of the matrices."""
        kept = scale.nonzero()[:, 0]
        if len(kept) == 0:  # a layer keeps one neuron, silenced, so that its matrices exist
            kept = torch.zeros(1, dtype=torch.long, device=scale.device)
        index, layer, follower = self._site(site)
        layer.weight = nn.Parameter(layer.weight[kept])
        layer.bias = nn.Parameter(layer.bias[kept])
        follower.weight = nn.Parameter((follower.weight * scale)[:, kept])
        if index < 0:
            self._spec = replace(self._spec, width=len(kept))
        else:
            hidden = list(self._spec.hidden)
            hidden[index] = len(kept)
            self._spec = replace(self._spec, hidden=tuple(hidden))

    @torch.no_grad()
    def importance(self, site: str) -> Tensor:
        # A sine is at most 1: what a neuron gives is bounded by its outgoing weights. Layers differ in the size of
        # their weights, not in how much the output needs them: by plain norms the last one would be cut away whole.
        norms = self._site(site)[2].weight.norm(dim=0)
        return norms / norms.square().mean().sqrt().clamp(min=1e-30)

    def _site(self, site: str) -> tuple[int, SineLayer, Union[SineLayer, nn.Linear]]:
        """(index into ``hidden`` or -1 for the first layer, the layer, the one that reads it)."""
        if self._spec.residual:
            index = int(site[len("block") : -len(".inner")])
            return index, self.residual_blocks[index].inner, self.residual_blocks[index].outer
        index = -1 if site == "first" else int(site[len("hidden") :])
        layers = [self.first, *self.hidden]
        return index, layers[index + 1], self.hidden[index + 1] if index + 1 < len(self.hidden) else self.output

    def tensors(self) -> dict[str, Tensor]:
        named: dict[str, Union[SineLayer, nn.Linear]] = {"first": self.first}
        for i, block in enumerate(self.residual_blocks):
            named[f"block{i}.inner"], named[f"block{i}.outer"] = block.inner, block.outer
        named.update({f"hidden{i}": layer for i, layer in enumerate(self.hidden)})
        named["output"] = self.output
        out: dict[str, Tensor] = {}
        for name, layer in named.items():
            out[f"{name}.weight"], out[f"{name}.bias"] = layer.weight, layer.bias
        return out
