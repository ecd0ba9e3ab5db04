"""Variational dropout: noise that learns which entries can be drowned in it (thesis 2.4.3, 4.1.1)."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Any, Optional, Union

import torch
from torch import Tensor, nn

from srn_core.config import VariationalConfig
from srn_core.networks.base import Gate
from srn_core.pruners.divergence import divergence_from_prior, drop_rate_entropy
from srn_core.pruners.flat import FlatPruner, weight_norm
from srn_core.pruners.gradient_scale import GradientScale
from srn_core.pruners.householder import Reflections
from srn_core.pruners.noise import LocalNoiseGate, Noise, NoiseGate


class VariationalDropout(FlatPruner):
    """Multiplies each entry with Xi ~ N(theta, sigma^2) (2.13-2.16) and maximises the variational bound (2.17):

        sum of NLL over the data set + lambda_D * D_KL + lambda_w * sum |w|^p + lambda_H * H(p) -> min       (2.21)

    NLL is the negative log-likelihood; (2.21) as printed adds the likelihood itself, which would be minimised then.
    Everything is divided by the data set's size N, so that one batch's mean stands for the first sum, and multiplied by
    S = 2 psigma^2. With a fixed psigma the data term is then

        S * mean NLL = mean squared error + S * log(psigma * sqrt(2 pi)),

    the usual loss plus a constant, and the rest has the factor S / N. Neither changes where the minimum lies. The
    gates' parameters take their gradients in units of S / N (see :class:`GradientScale`), that is of the bound itself.

    log theta starts at 0. The parameter that the text calls log sigma is log sigma^2 here: only then does its
    alpha = exp(log sigma - 2 log theta) equal sigma^2 / theta^2. An entry goes where p = alpha / (1 + alpha) is high.

    ``local_reparameterisation`` holds for the neurons of layers; latent coefficients always draw their noise directly:
    they pass a wavelet synthesis and an interpolation before samples part, and their features share it.
    ``reflections`` = r correlates the noise of each site by r learnt Householder reflections: alpha is then
    that of each entry's marginal, and D_KL the sum of the marginals' divergences and the total correlation of the
    noise, (sum log marginal variance - sum log sigma^2) / 2. Noise so correlated is always drawn directly.
    """

    vectors: Optional[Tensor]

    def __init__(self, config: VariationalConfig) -> None:
        super().__init__()
        self.config = config
        self.kl_weight = 0.0

    def start(self, count: int, device: torch.device, generator: Optional[torch.Generator]) -> None:
        config = self.config
        alpha = config.initial_drop_rate / (1.0 - config.initial_drop_rate)
        self.log_theta = nn.Parameter(torch.zeros(count, device=device))
        self.log_variance = nn.Parameter(torch.full((count,), math.log(alpha), device=device))
        if config.reflections:
            vectors = torch.randn(config.reflections, count, generator=generator)
            self.vectors = nn.Parameter(vectors.to(device))
        else:
            self.vectors = None
        seed = int(torch.randint(2**62, (), generator=generator))
        self.noise_generator = torch.Generator(device).manual_seed(seed)

    def gate(self, site: str) -> Gate:
        place, shape = self.place(site), self._shapes[site]

        def state() -> Noise:
            mean = self._learnt(self.log_theta[place]).exp().view(shape)
            spread = (0.5 * self._learnt(self.log_variance[place])).exp().view(shape)
            return Noise(mean, spread, self._reflections(place))

        local = self.config.local_reparameterisation and len(shape) == 1 and self.vectors is None
        return (LocalNoiseGate if local else NoiseGate)(state, lambda: self.training, self.noise_generator)

    def _learnt(self, parameter: Tensor) -> Tensor:
        return GradientScale.apply(parameter, self.data_size / self.unit())

    def _reflections(self, place: slice) -> Optional[Reflections]:
        return None if self.vectors is None else Reflections(self._learnt(self.vectors[:, place]))

    @abstractmethod
    def unit(self) -> Union[float, Tensor]:
        """S = 2 psigma^2, by which the bound is multiplied (no gradient)."""

    def advance(self, done: float) -> None:
        """lambda_D grows from 0 with the share of the pruning phases that is done, up to ``kl_weight``."""
        super().advance(done)
        self.kl_weight = self.largest_kl_weight() * min(1.0, self.config.kl_ramp * done)

    def chosen(self) -> dict[str, float]:
        return {"variational.kl_weight": self.kl_weight}

    def largest_kl_weight(self) -> float:
        """The cap of lambda_D: as set, or what suits the network.

        Of a network of a few hundred neurons the bound drops none: millions of values outweigh each neuron's few nats.
        There the divergence is weighted so that all neurons together cost as much as one value each.
        """
        if self.config.kl_weight is not None:
            return self.config.kl_weight
        return 1.0 if self.network.spec().kind == "fvsrn" else max(1.0, self.data_size / self.log_theta.numel())

    def marginal_log_variance(self) -> Tensor:
        """log of each entry's variance, flat; with reflections that of the correlated noise's marginals."""
        log_variance = self._learnt(self.log_variance)
        if self.vectors is None:
            return log_variance
        parts = []
        for site in self._shapes:
            place = self.place(site)
            reflections = self._reflections(place)
            assert reflections is not None
            parts.append(reflections.variances(log_variance[place].exp()))
        return torch.cat(parts).clamp(min=1e-30).log()

    def log_alpha(self) -> Tensor:
        """log alpha = log (sigma^2 / theta^2) of each entry, flat."""
        return self.marginal_log_variance() - 2.0 * self._learnt(self.log_theta)

    def divergence(self) -> Tensor:
        """D_KL of all gates from the prior (2.19), a scalar in nats."""
        marginal = self.marginal_log_variance()
        total = divergence_from_prior(marginal - 2.0 * self._learnt(self.log_theta)).sum()
        if self.vectors is not None:
            # The noise is Gaussian and a reflection keeps volumes: its entropy is that of the independent noise.
            total = total + 0.5 * (marginal - self._learnt(self.log_variance)).sum()
        return total

    def loss(self) -> Tensor:
        config = self.config
        loss = self.pressure * self.kl_weight * self.divergence()
        if config.lambda_weight:
            loss = loss + config.lambda_weight * weight_norm(self._weights, config.weight_norm)
        if config.lambda_entropy:
            loss = loss + config.lambda_entropy * drop_rate_entropy(self.log_alpha()).sum()
        return loss * (self.unit() / self.data_size)

    @property
    def threshold(self) -> float:
        return self.config.threshold

    @torch.no_grad()
    def drop_rates(self) -> dict[str, Tensor]:
        return self.by_site(torch.sigmoid(self.log_alpha()))

    def values(self) -> dict[str, Tensor]:
        return self.by_site(self.log_theta.detach().exp())

    def get_extra_state(self) -> dict[str, Any]:
        """The state of the noise, so that a run that goes on from a checkpoint draws what it would have drawn."""
        return {"noise": self.noise_generator.get_state()}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Take the noise up where :meth:`get_extra_state` left it."""
        self.noise_generator.set_state(state["noise"].cpu())
