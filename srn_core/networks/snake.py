"""SnakeAlt (thesis 2.9) and a stack of layers with it, forward and backward written out for speed.

snake(a) = a / 2 + sin(a)^2 = a / 2 + 1/2 - cos(2 a) / 2. With v = 2 a and h = v - 2 cos(v) it is
h / 4 + 1/2, so each layer costs one matrix product and one cosine, its constants moving into the
next layer's weights and bias; its derivative in v is 1 + 2 sin(v), one sine.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def snake_alt(a: Tensor) -> Tensor:
    """SnakeAlt activation (thesis 2.9), any shape."""
    return 0.5 * a + torch.sin(a) ** 2


class SnakeStack(torch.autograd.Function):
    """Pre-activations (N, width) of the first layer -> linear output (N, components).

    ``apply(a, w1, b1, ..., wn, bn)``: layer i is ``snake(previous) @ wi.T + bi``.
    """

    @staticmethod
    def forward(ctx: Any, a: Tensor, *layers: Tensor) -> Tensor:
        weights, biases = layers[0::2], layers[1::2]
        saved: list[Tensor] = []
        v = a * 2.0
        for i, (w, b) in enumerate(zip(weights, biases)):
            h = torch.cos(v).mul_(-2.0).add_(v)
            saved += [v, h]
            if i < len(weights) - 1:
                v = torch.addmm(b * 2.0 + w.sum(1), h, (w * 0.5).t())
            else:
                v = torch.addmm(b + w.sum(1) * 0.5, h, (w * 0.25).t())
        ctx.save_for_backward(*saved, *weights)
        return v

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, ...]:
        saved = ctx.saved_tensors
        count = len(saved) // 3
        weights = saved[2 * count :]
        grads: list[Tensor] = []
        g = grad
        for i in range(count - 1, -1, -1):
            v, h, w = saved[2 * i], saved[2 * i + 1], weights[i]
            # The last layer gives the output itself, the others twice their pre-activation.
            share, bias = (0.25, 1.0) if i == count - 1 else (0.5, 2.0)
            total = g.sum(0)
            grad_w = torch.addmm(total[:, None].expand_as(w), g.t(), h, beta=2.0 * share, alpha=share)
            g = torch.mm(g, w * share)
            g.addcmul_(g, torch.sin(v), value=2.0)
            grads = [grad_w, total * bias, *grads]
        return (g.mul_(2.0), *grads)


def snake_stack(a: Tensor, layers: list[tuple[Tensor, Tensor]]) -> Tensor:
    """The stack on pre-activations (N, width); layers are (weight, bias), the last one linear."""
    if not torch.is_grad_enabled() or not a.requires_grad and not any(w.requires_grad for w, _ in layers):
        for w, b in layers:
            a = torch.addmm(b, snake_alt(a), w.t())
        return a
    return SnakeStack.apply(a, *(t for layer in layers for t in layer))
