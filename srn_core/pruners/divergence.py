"""What a variational gate costs: its divergence from the log-uniform prior, and its entropy (thesis 2.20, 4.2)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

K1, K2, K3 = 0.63576, 1.87320, 1.48695


def divergence_from_prior(log_alpha: Tensor) -> Tensor:
    """Divergence of N(theta, alpha theta^2) from the log-uniform prior (2.20), any shape.

        D_KL = k1 - k1 sigmoid(k2 + k3 log alpha) + log(1 + 1 / alpha) / 2

    The prior is improper, so the divergence has a free constant; it is chosen such that an entry that is all noise
    (alpha -> infinity) costs nothing. The text gives the negative, -D_KL.
    """
    return K1 * torch.sigmoid(-(K2 + K3 * log_alpha)) + 0.5 * functional.softplus(-log_alpha)


def drop_rate_entropy(log_alpha: Tensor) -> Tensor:
    """Entropy -p log p - (1 - p) log(1 - p) of the drop rate p = alpha / (1 + alpha), any shape.

    (4.2) lacks the minus sign; minimised as it stands there, it would drive all p to 0.5 instead of 0 or 1.
    """
    # -log p and -log(1 - p) without overflow, however small or large alpha is.
    p = torch.sigmoid(log_alpha)
    return p * functional.softplus(-log_alpha) + (1.0 - p) * functional.softplus(log_alpha)
