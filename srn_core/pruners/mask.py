"""Binary masks, trained with a straight-through gradient (thesis 2.4.1, 4.2.1)."""

from __future__ import annotations

import math
from typing import Any, Optional

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from srn_core.config import MaskConfig
from srn_core.networks.base import Gate
from srn_core.pruners.flat import FlatPruner, weight_norm
from srn_core.pruners.gradient_scale import GradientScale

REGRESSIONS = {"neurcomp": ((3.50, -29.85), (2.57, -28.82)), "fvsrn": ((1.54, -27.70), (5.01, -41.48))}
"""Slope and offset of ln(lambda_mask) and ln(lambda_weight) over ln(ratio) (thesis Fig 5.17). The thesis masks fv-SRN
alone; for Neurcomp the weights of Smallify stand in, whose loss has the same form."""


def regressed_weights(network: str, ratio: float) -> tuple[float, float]:
    """(lambda_mask, lambda_weight) that suit a network and a compression ratio."""
    x = math.log(max(ratio, 1.0))
    mask, weight = (math.exp(slope * x + offset) for slope, offset in REGRESSIONS[network])
    return mask, weight


class StraightThrough(torch.autograd.Function):
    """``apply(values, soft, hard)``: forward ``values * hard``, backward that of ``values * soft`` (4.3).

    sg(W * hard - W * soft) + W * soft, written out: a masked value still gets its share ``soft`` of the gradient, so
    that it stays of use if its mask opens again. soft, hard: the trailing axes of values.
    """

    @staticmethod
    def forward(ctx: Any, values: Tensor, soft: Tensor, hard: Tensor) -> Tensor:
        ctx.save_for_backward(values, soft)
        return values * hard

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None]:
        values, soft = ctx.saved_tensors
        return grad * soft, (grad * values).sum_to_size(soft.shape), None


class Mask(FlatPruner):
    """A logit M behind every entry; the entry is on where sigmoid(M) says so, and multiplied with exactly 1 or 0.

        loss = lambda_mask * sum sigmoid(M) + lambda_weight * sum |theta|^p                       (2.10)

    The text puts the L1 norm on M itself; that would pull sigmoid(M) to 0.5, the threshold, from either side. It is the
    soft mask that is meant to be sparse, so its sum is paid for. The gradient of M is taken in units of
    ``lambda_mask`` (see :class:`GradientScale`).
    """

    def __init__(self, config: MaskConfig, network: str = "fvsrn", ratio: float = 100.0) -> None:
        super().__init__()
        self.config = config
        lambda_mask, lambda_weight = regressed_weights(network, ratio)
        self.lambda_mask = lambda_mask if config.lambda_mask is None else config.lambda_mask
        self.lambda_weight = lambda_weight if config.lambda_weight is None else config.lambda_weight

    def start(self, count: int, device: torch.device, generator: Optional[torch.Generator]) -> None:
        self.logits = nn.Parameter(torch.logit(torch.full((count,), self.config.initial)).to(device))

    def soft(self, place: slice = slice(None)) -> Tensor:
        """sigmoid(M) of some entries, flat; its gradient reaches M in units of ``lambda_mask``."""
        unit = self.lambda_mask or 1.0
        return torch.sigmoid(GradientScale.apply(self.logits[place], 1.0 / unit))

    def gate(self, site: str) -> Gate:
        place, shape = self.place(site), self._shapes[site]

        def masked(values: Tensor) -> Tensor:
            soft = self.soft(place).view(shape)
            hard = 1.0 - soft.detach() <= self.threshold
            return StraightThrough.apply(values, soft, hard.to(values.dtype))

        return masked

    def loss(self) -> Tensor:
        loss = self.lambda_mask * self.soft().sum()
        if self.lambda_weight:
            loss = loss + self.lambda_weight * weight_norm(self._weights, self.config.weight_norm)
        return loss

    @property
    def threshold(self) -> float:
        return self.config.threshold

    def drop_rates(self) -> dict[str, Tensor]:
        return self.by_site(1.0 - torch.sigmoid(self.logits.detach()))

    def values(self) -> dict[str, Tensor]:
        return self.by_site(torch.ones_like(self.logits.detach()))
