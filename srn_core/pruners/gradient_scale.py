"""A factor on a gradient, for parameters whose gradient is too small for the optimiser to see."""

from __future__ import annotations

from typing import Any, Union

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


class GradientScale(torch.autograd.Function):
    """``apply(values, factor)`` -> the same values; their gradient is multiplied by ``factor``.

    Adam divides a gradient by its own size, so a factor that is the same for all of a parameter's gradient changes
    nothing but where Adam's epsilon (1e-8) lies: one entry of a network that serves millions of voxels has gradients of
    1e-10, at which Adam would all but stand still.
    """

    @staticmethod
    def forward(ctx: Any, values: Tensor, factor: Union[float, Tensor]) -> Tensor:
        ctx.factor = factor
        return values.view_as(values)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return grad * ctx.factor, None
