"""The residual convolutional filter on a latent grid."""

from __future__ import annotations

from typing import Optional

import torch
from torch import Tensor, nn

from srn_core.spec import FvSrnSpec


class GridFilter(nn.Module):
    """G -> G + conv_n(tanh(... tanh(conv_1(E)))), E being G extended by its edge values by n samples all round.

    It starts as nothing: the last convolution is zero.
    """

    def __init__(self, spec: FvSrnSpec, generator: Optional[torch.Generator] = None) -> None:
        super().__init__()
        channels = (spec.features, *spec.filter, spec.features)
        convolutions = []
        for size_in, size_out in zip(channels, channels[1:]):
            layer = nn.Conv3d(size_in, size_out, 3)
            bound = (27 * size_in) ** -0.5
            with torch.no_grad():
                for name, parameter in layer.named_parameters():
                    spread = bound if name == "weight" else 0.0
                    parameter.uniform_(-spread, spread, generator=generator)
            convolutions.append(layer)
        with torch.no_grad():
            convolutions[-1].weight.zero_()
        self.convolutions = convolutions
        self.layers = nn.ModuleList(convolutions)

    def forward(self, grid: Tensor) -> Tensor:
        """(features, z, y, x) -> (features, z, y, x)."""
        values = nn.functional.pad(grid[None], [len(self.convolutions)] * 6, mode="replicate")
        for i, layer in enumerate(self.convolutions):
            values = layer(torch.tanh(values) if i else values)
        return grid + values[0]

    def tensors(self) -> dict[str, Tensor]:
        """Name -> parameter for every array of the filter."""
        named: dict[str, Tensor] = {}
        for i, layer in enumerate(self.convolutions):
            named.update({f"filter{i}.{name}": parameter for name, parameter in layer.named_parameters()})
        return named
