"""Moving mean and variance of signs, by which Smallify finds the switches that cannot decide (thesis 4.1)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class SignVariance(nn.Module):
    """Exponential moving mean and variance of the signs of a tensor (Finch 2009; thesis 4.1).

        delta = x - mean;  step = momentum * delta;  mean += step
        variance = (1 - momentum) * (variance + delta * step)

    The state is in buffers: it moves with the device and is saved with the rest. A sign that never
    changes has variance 0, a fair coin's tends to 1.
    """

    mean: Tensor
    variance: Tensor

    def __init__(self, first: Tensor, momentum: float) -> None:
        super().__init__()
        self.momentum = momentum
        self.register_buffer("mean", torch.sign(first.detach()).clone())
        self.register_buffer("variance", torch.zeros_like(first))

    @torch.no_grad()
    def observe(self, values: Tensor) -> None:
        """Take in the signs of one more step."""
        delta = torch.sign(values) - self.mean
        step = self.momentum * delta
        self.mean.add_(step)
        self.variance.addcmul_(delta, step).mul_(1.0 - self.momentum)
