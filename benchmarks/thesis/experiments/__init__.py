"""The thesis' experiments (Bussler 2023, chapter 5): a registry from a name to what is run, tabled and drawn."""

from __future__ import annotations

from typing import Type

from experiments.base import Experiment
from experiments.bits import Bits
from experiments.entropy import Entropy
from experiments.pruning import Pruning
from experiments.rate_distortion import RateDistortion
from experiments.residual import Residual
from experiments.thresholds import Thresholds
from experiments.wavelet import Wavelet

EXPERIMENTS: dict[str, Type[Experiment]] = {
    experiment.name: experiment
    for experiment in (RateDistortion, Pruning, Residual, Entropy, Wavelet, Bits, Thresholds)
}
