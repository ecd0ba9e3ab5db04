"""Binary masks, trained with a straight-through gradient (thesis 2.4.1, 4.2.1)."""

from __future__ import annotations

from typing import Any, Optional

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from srn_core.config import MaskConfig
from srn_core.networks.base import Gate
from srn_core.pruners.flat import FlatPruner, weight_norm
from srn_core.pruners.gradient_scale import GradientScale
from srn_core.pruners.prices import entry_price

SHARE = {"fvsrn": 0.1, "neurcomp": 0.1}
"""What a mask asks for an entry, in parts of what Smallify asks: a mask shuts for good, a switch only grows small."""


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

        loss = r * lambda_mask * sum sigmoid(M) + lambda_weight * sum |theta|^p                   (2.10)

    The text puts the L1 norm on M itself; that would pull sigmoid(M) to 0.5, the threshold, from either side. It is the
    soft mask that is meant to be sparse, so its sum is paid for. The ramp r goes from 0 to 1 while the pruning phase is
    a quarter to three quarters done: entries that were shut before the network knew the field would be lost for no
    reason (as the thesis ramps the divergence of its dropout). The gradient of M is taken in units of
    ``lambda_mask`` (see :class:`GradientScale`).
    """

    def __init__(self, config: MaskConfig, network: str = "fvsrn", ratio: float = 100.0) -> None:
        super().__init__()
        self.config = config
        self._price = entry_price(network, ratio) * SHARE[network]
        self.lambda_weight = config.lambda_weight or 0.0
        self.lambda_mask = config.lambda_mask or 0.0
        self.ramp = 1.0

    def start(self, count: int, device: torch.device, generator: Optional[torch.Generator]) -> None:
        if self.config.lambda_mask is None:
            self.lambda_mask = self._price / count
        self.logits = nn.Parameter(torch.logit(torch.full((count,), self.config.initial)).to(device))

    def chosen(self) -> dict[str, float]:
        return {"mask.lambda_mask": self.lambda_mask, "mask.lambda_weight": self.lambda_weight}

    def advance(self, done: float) -> None:
        super().advance(done)
        self.ramp = min(max(2.0 * done - 0.5, 0.0), 1.0)

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
        loss = self.pressure * self.ramp * self.lambda_mask * self.soft().sum()
        if self.lambda_weight:
            loss = loss + self.lambda_weight * weight_norm(self._weights, self.config.weight_norm)
        return loss

    @property
    def threshold(self) -> float:
        return self.config.threshold

    def drop_rates(self) -> dict[str, Tensor]:
        return self.by_site(1.0 - torch.sigmoid(self.logits.detach()))

    def values(self) -> dict[str, Tensor]:
        # What is shut gives nothing now; to open it again would bring back what nobody trained since.
        soft = torch.sigmoid(self.logits.detach())
        return self.by_site((1.0 - soft <= self.threshold).to(soft.dtype))
