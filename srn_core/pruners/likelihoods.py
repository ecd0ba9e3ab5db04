"""The two likelihoods of variational dropout: one psigma for all, or one for each position (thesis 2.18, 4.1.1)."""

from __future__ import annotations

import math
from typing import Optional

import torch
from torch import Tensor

from srn_core.config import VariationalConfig
from srn_core.networks.base import mean_squared_error
from srn_core.networks.batch import Batch
from srn_core.pruners.base import DataTerm
from srn_core.pruners.position_sigma import PositionSigma
from srn_core.pruners.prices import expected_error
from srn_core.pruners.variational import VariationalDropout

HALF_LOG_TAU = 0.5 * math.log(2.0 * math.pi)
NOISE = {"fvsrn": 3.0, "neurcomp": 1.0}
"""psigma in expected errors: a latent's noise hides among that of many others, a neuron's does not."""
MOMENTUM = 0.02
"""Share of a new batch in the running mean of psigma^2."""


def psigma_for(network: str, ratio: float) -> float:
    """psigma for a network and a compression ratio.

    An entry stays where it explains more of the error than noise of that size would. The thesis' regressions (Figs
    5.6, 5.17) don't serve here: its losses set a mean likelihood against a divergence that is summed, so that its
    psigma (about 1e-4 at ratio 100) makes up for the number of voxels of its data sets; here that number is in the
    loss.
    """
    return NOISE[network] * expected_error(ratio)


def negative_log_likelihood(values: Tensor, target: Tensor, log_psigma: Tensor) -> Tensor:
    """-log N(target | values, psigma^2), elementwise: (2.18) with its sign turned, to be minimised."""
    return 0.5 * ((target - values) * torch.exp(-log_psigma)).square() + log_psigma + HALF_LOG_TAU


class StaticVariational(VariationalDropout):
    """Variational dropout with one psigma for the whole volume and all of training.

    data term = mean squared error + 2 psigma^2 * log(psigma * sqrt(2 pi)) = 2 psigma^2 * mean NLL    (2.18)
    """

    def __init__(self, config: VariationalConfig, network: str = "fvsrn", ratio: float = 100.0) -> None:
        super().__init__(config)
        self.psigma = psigma_for(network, ratio) if config.psigma is None else config.psigma

    def chosen(self) -> dict[str, float]:
        return {**super().chosen(), "variational.psigma": self.psigma}

    def unit(self) -> float:
        return 2.0 * self.psigma**2

    def data_term(self, batch: Batch) -> DataTerm:
        error = batch.error(self.network)
        return DataTerm(error + self.unit() * (math.log(self.psigma) + HALF_LOG_TAU), error.detach())


class DynamicVariational(VariationalDropout):
    """Variational dropout with a psigma for each position, from a second network that training throws away.

        data term = S * mean NLL(psigma(u)), S = 2 * running mean of psigma(u)^2                           (2.18)

    S keeps the loss as large as a squared error, whatever the second network says; it carries no gradient.
    """

    psigma_squared: Tensor

    def __init__(self, config: VariationalConfig, network: str = "fvsrn", ratio: float = 100.0) -> None:
        super().__init__(config)
        self.initial_psigma = psigma_for(network, ratio)

    def start(self, count: int, device: torch.device, generator: Optional[torch.Generator]) -> None:
        super().start(count, device, generator)
        config = self.config
        self.sigma = PositionSigma(
            self.network.spec().components, config.sigma_layers, config.sigma_width, self.initial_psigma, generator
        ).to(device)
        self.register_buffer("psigma_squared", torch.tensor(self.initial_psigma**2, device=device))

    def unit(self) -> Tensor:
        return 2.0 * self.psigma_squared

    def data_term(self, batch: Batch) -> DataTerm:
        values = batch.values(self.network)
        log_psigma = self.sigma(batch.points())
        if self.training:
            with torch.no_grad():
                latest = mean_of(torch.exp(2.0 * log_psigma), batch.weight)
                self.psigma_squared = torch.lerp(self.psigma_squared, latest, MOMENTUM)
        likelihood = mean_of(negative_log_likelihood(values, batch.target, log_psigma), batch.weight)
        error = mean_squared_error(values.detach(), batch.target, batch.weight)
        return DataTerm(self.unit() * likelihood, error)


def mean_of(values: Tensor, weight: Optional[Tensor]) -> Tensor:
    """Mean of (N, components), counting what has weight 1 (N, 1); None: everything."""
    if weight is None:
        return values.mean()
    return (values * weight).sum() / (weight.sum() * values.shape[1]).clamp(min=1.0)
