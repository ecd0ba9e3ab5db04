"""The pruners' own settings, and what all of them share; :mod:`srn_core.config` has the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Tuple

from srn_core.errors import SrnInputError
from srn_core.settings import at_least, at_most, choice, none_negative, norm, not_negative, positive, share

THRESHOLDS = ("searched", "layerwise", "fixed")


@dataclass(frozen=True)
class MaskConfig:
    """Trainable binary masks with a straight-through gradient (thesis 2.4.1, 4.2.1)."""

    lambda_mask: Optional[float] = None
    """Weight of the L1 norm of the soft mask sigmoid(M) (2.10); larger prunes more.
    None: what suits the network and the wanted ratio."""
    lambda_weight: Optional[float] = None
    """Weight of the norm of the weights behind the mask (2.10); None: as above."""
    weight_norm: int = 2
    """p of that norm, sum |theta|^p: 1 or 2."""
    initial: float = 0.9
    """Soft mask that every entry starts with: open, but not so far that it could not close."""
    threshold: float = 0.5
    """An entry whose soft mask is below 1 - threshold is off."""

    def __post_init__(self) -> None:
        none_negative("mask", self, "lambda_mask", "lambda_weight")
        norm("mask.weight_norm", self.weight_norm)
        share("mask.initial", self.initial)
        share("mask.threshold", self.threshold)


@dataclass(frozen=True)
class SmallifyConfig:
    """Smallify switches (thesis 2.4.2, 4.1.1)."""

    lambda_beta: Optional[float] = None
    """Weight of the L1 norm of the switches (2.12); larger prunes more.
    None: what suits the network and the wanted ratio."""
    lambda_weight: Optional[float] = None
    """Weight of the norm of the weights behind the switches (2.12); None: as above."""
    weight_norm: int = 2
    """p of that norm, sum |theta|^p: 1 or 2."""
    momentum: float = 0.02
    """Share of a new observation in the sign's moving mean and variance (4.1)."""
    initial: str = "normal"
    """Switches start "normal", drawn from N(0, 1) as in the thesis, or open: "one"."""
    threshold: float = 0.5
    """A switch whose sign variance is above this is pruned; the variance of a fair coin is 1."""

    def __post_init__(self) -> None:
        none_negative("smallify", self, "lambda_beta", "lambda_weight")
        norm("smallify.weight_norm", self.weight_norm)
        share("smallify.momentum", self.momentum)
        choice("smallify.initial", self.initial, ("normal", "one"))
        positive("smallify.threshold", self.threshold)


@dataclass(frozen=True)
class VariationalConfig:
    """Variational dropout, static and dynamic (thesis 2.4.3, 4.1.1)."""

    psigma: Optional[float] = None
    """Standard deviation of the likelihood (2.18), for values normalised to [-1, 1]; static only; larger prunes more.
    None: what suits the network and the wanted ratio."""
    initial_drop_rate: float = 0.05
    """Drop rate that log sigma starts from."""
    threshold: float = 0.9
    """An entry whose drop rate p = alpha / (1 + alpha) is above this is pruned."""
    kl_weight: Optional[float] = None
    """Largest weight lambda_D of the divergence from the prior (2.21); 1 is the variational bound. None: 1 for fvsrn,
    values / neurons for neurcomp, whose few neurons the bound would never drop."""
    kl_ramp: float = 2.0
    """How fast lambda_D grows: it reaches ``kl_weight`` after 1 / kl_ramp of the pruning phase."""
    lambda_weight: float = 0.0
    """Weight lambda_w of the norm of the weights behind the gates (2.21)."""
    weight_norm: int = 2
    """p of that norm, sum |theta|^p: 1 or 2."""
    lambda_entropy: float = 0.0
    """Weight of the entropy of the drop rates (4.2, with its sign mended), which drives them to 0 or 1."""
    sigma_layers: int = 2
    """Hidden layers of the second network, which gives psigma at each position; dynamic only, never stored."""
    sigma_width: int = 16
    """Neurons of each of them."""
    local_reparameterisation: bool = False
    """Draw the noise behind the next linear layer, for each sample its own, instead of before it: less gradient noise
    for more work. Neurcomp's layers alone: fv-SRN's coefficients draw theirs directly, and so does noise with
    ``reflections``."""
    reflections: int = 0
    """Householder reflections that correlate the noise of a site (structured variational dropout); 0: independent."""

    def __post_init__(self) -> None:
        if self.psigma is not None:
            positive("variational.psigma", self.psigma)
        for name in ("initial_drop_rate", "threshold"):
            share(f"variational.{name}", getattr(self, name))
        none_negative("variational", self, "kl_weight")
        for name in ("kl_ramp", "lambda_weight", "lambda_entropy"):
            not_negative(f"variational.{name}", getattr(self, name))
        norm("variational.weight_norm", self.weight_norm)
        at_least("variational.sigma_layers", self.sigma_layers, 1)
        at_most("variational.sigma_layers", self.sigma_layers, 8)
        at_least("variational.sigma_width", self.sigma_width, 1)
        at_most("variational.sigma_width", self.sigma_width, 256)
        at_least("variational.reflections", self.reflections, 0)
        at_most("variational.reflections", self.reflections, 16)


@dataclass(frozen=True)
class PruningConfig:
    """What all pruners share: how the cut is chosen once the pruning phase is over."""

    thresholds: str = "searched"
    """"searched": what the pruner is least sure to need goes until the file fits, over all layers alike; "layerwise":
    a threshold for each layer, searched for the least error at that size; "fixed": the pruner's own threshold, or
    ``layers``, and only what is then still too large is cut further."""
    layers: Optional[Tuple[float, ...]] = None
    """Drop rates above which is pruned, one for each layer or wavelet level in order; only with "fixed"."""
    learning_rate: float = 2e-2
    """Adam's first step size for the pruner's own numbers: switches have to cross their range within a training."""
    oversize: Optional[float] = None
    """Entries that a pruned network starts with, for one that the file can hold; None: what suits the network."""

    def __post_init__(self) -> None:
        choice("pruning.thresholds", self.thresholds, THRESHOLDS)
        if self.layers is not None and self.thresholds != "fixed":
            raise SrnInputError("pruning.layers gives thresholds by hand: it needs pruning.thresholds=fixed")
        if self.layers is not None and not all(0 <= t <= 1 for t in self.layers):
            raise SrnInputError(f"pruning.layers must be drop rates from 0 to 1, not {self.layers}")
        positive("pruning.learning_rate", self.learning_rate)
        if self.oversize is not None:
            at_least("pruning.oversize", self.oversize, 1)
            at_most("pruning.oversize", self.oversize, 1000)
