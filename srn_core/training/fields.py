"""From a volume to a trained, folded network."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Callable, Mapping, Optional

import numpy as np
import torch

from srn_core.config import PASSES_BY_PRESET, CompressConfig
from srn_core.networks import SceneNetwork, build_network
from srn_core.progress import ProgressCallback
from srn_core.pruners import Pruner, build_pruner
from srn_core.scattered import Samples
from srn_core.spec import NetworkSpec
from srn_core.training.decay import decay_of
from srn_core.training.device import choose_device
from srn_core.training.phases import phases_of
from srn_core.training.probe import Probe
from srn_core.training.samplers import SAMPLERS, Sampler, ScatteredSampler, batch_size
from srn_core.training.trainer import Limits, Outcome, Trainer
from srn_core.training.truth import scattered_truth, truth_of
from srn_core.training.warm_start import open_gates
from srn_core.volume import Volume

DEFAULT_PASSES = {"fvsrn": 75.0, "neurcomp": 100.0}
LEAST_STEPS = 1500
"""A small volume's passes are short; it is seen more often, for at least so many steps."""
ENOUGH = 4.0
"""Where seconds alone are given, so many times the automatic passes are enough: longer gains next to nothing."""


@dataclass(frozen=True)
class Trained:
    """A network that has learnt a volume."""

    network: SceneNetwork
    outcome: Outcome
    device: str
    error_of: Callable[[SceneNetwork], float]
    """The mean squared error of a network on a part of the volume, the same each time."""
    sampler: Sampler
    """What it was trained with, for what is tuned once it is quantised."""
    chosen: Mapping[str, float]
    """Settings of the pruner that the config may leave open, by their dotted names, as they were."""


def train_network(
    volume: Volume,
    valid: Optional[np.ndarray],
    value_range: tuple[tuple[float, float], ...],
    spec: NetworkSpec,
    config: CompressConfig,
    fold: Callable[[Pruner, Callable[[SceneNetwork], float]], None],
    progress: Optional[ProgressCallback],
    ratio: float,
    start: Optional[Mapping[str, np.ndarray]] = None,
    most_seconds: Optional[float] = None,
    samples: Optional[Samples] = None,
) -> Trained:
    """Train a network of ``spec`` on a volume as ``config`` says, or on the ``samples`` for which the volume stands.

    ``fold`` folds the pruner before fine-tuning, at thresholds of its choice; with the pruner it is given the mean
    squared error of any network on a part of the volume. ``ratio`` is the parameter ratio (values /
    numbers that stay) that the pruner is to serve. ``start``: arrays of ``spec`` that the network starts with (a warm
    start). ``most_seconds``: what a time limit leaves for the training.
    """
    device = choose_device(config.device)
    # One generator on the CPU for all draws: a seed gives the same start and samples on every device.
    generator = torch.Generator().manual_seed(config.seed)
    network = build_network(spec, generator)
    if start is not None:
        network.load_arrays(start)
        config = open_gates(config)
    network.to(device)
    settings = config.fvsrn if config.network == "fvsrn" else config.neurcomp
    gradient_weight = config.neurcomp.gradient_weight if config.network == "neurcomp" else 0.0
    if samples is None:
        truth = truth_of(volume, valid, value_range, device, derivatives=gradient_weight > 0)
    else:
        truth = scattered_truth(samples, volume, value_range, device, derivatives=gradient_weight > 0)
    kind = SAMPLERS[config.training.sampler] if samples is None else ScatteredSampler
    sampler = kind(truth, batch_size(config.training.batch, truth.voxels, config.network), generator)
    passes = config.training.passes
    if passes is None:
        # As many steps as the volume would get: a pass over scattered samples, of which there are fewer, is shorter.
        shorter = max(1.0, volume.geometry.samples / truth.voxels)
        passes = max(DEFAULT_PASSES[config.network] * shorter, LEAST_STEPS * sampler.samples / truth.voxels)
        passes *= ENOUGH if config.training.seconds is not None else PASSES_BY_PRESET[config.preset]
    probe = Probe(sampler)
    pruner = build_pruner(config, ratio)
    numbers = sum(math.prod(shape) for shape in spec.shapes().values())
    pruner.wanted_fraction = min(1.0, volume.values.size / ratio / numbers)
    pruner.data_size = truth.values.shape[1] * (truth.voxels if truth.valid is None else int(truth.valid.sum()))

    def folded(pruner: Pruner) -> None:
        fold(pruner, probe.error_of)

    trainer = Trainer(
        network,
        pruner,
        sampler,
        settings.learning_rate,
        generator,
        folded,
        progress,
        partial(decay_of, config.training),
        gradient_weight,
        config.pruning.learning_rate,
    )
    outcome = trainer.run(
        phases_of(config.training, config.pruner), Limits(passes, _least(config.training.seconds, most_seconds))
    )
    return Trained(network, outcome, str(device), probe.error_of, sampler, pruner.chosen())


def _least(*limits: Optional[float]) -> Optional[float]:
    """The shortest of some limits, of which None is none."""
    return min((limit for limit in limits if limit is not None), default=None)
