"""Where the search looks: the range of each setting, keyed by its name in :mod:`srn_core.config` (thesis Table 4.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Tuple

from srn_core.prediction.domains import Choice, Domain, Range

NETWORKS = ("fvsrn", "neurcomp")
TRAINED = ("none", "mask", "smallify", "variational-static", "variational-dynamic")
GATED = TRAINED[1:]
"""Pruners with gates, and so with thresholds."""
VARIATIONAL = TRAINED[3:]
SIZES = ("target", "settings")
"""What decides a file's size: the ratio that each trial asks for, or (as in the thesis) network and pruner alone."""


@dataclass(frozen=True)
class Applies:
    """Where a setting has a say."""

    networks: Tuple[str, ...] = NETWORKS
    pruners: Tuple[str, ...] = (*TRAINED, "rate")
    sizes: Tuple[str, ...] = SIZES

    def to(self, network: str, pruner: str, sizes: str) -> bool:
        """Whether it has one for this kind of search."""
        return network in self.networks and pruner in self.pruners and sizes in self.sizes


@dataclass(frozen=True)
class Searchable:
    """A setting that can be searched."""

    domain: Domain
    applies: Applies = Applies()
    by_default: Tuple[str, ...] = SIZES
    """The kinds of search that search it where nothing is said; in others it is searched where it is asked for."""


TARGET = Applies(sizes=("target",))
NEURCOMP = Applies(networks=("neurcomp",))
FVSRN = Applies(networks=("fvsrn",))
BY_RATE = Applies(("fvsrn",), ("rate",), ("target",))
ALL_GATED = Applies(pruners=GATED)
MASK = Applies(pruners=("mask",))
SMALLIFY = Applies(pruners=("smallify",))
STATIC = Applies(pruners=("variational-static",))
DYNAMIC = Applies(pruners=("variational-dynamic",))
BOTH_VARIATIONAL = Applies(pruners=VARIATIONAL)

GRID = "fvsrn.grid"
"""Searched as one number, the samples along the longest axis; the others follow the volume's proportions."""
PASSES, SECONDS = "training.passes", "training.seconds"
RATIO = "target.ratio"
"""Its upper bound is lowered for small volumes (see :mod:`srn_core.search.space`)."""


def _fixed(applies: Applies) -> Applies:
    """The same where thresholds are obeyed: where the settings decide the size."""
    return Applies(applies.networks, applies.pruners, ("settings",))


RANGES: dict[str, Searchable] = {
    RATIO: Searchable(Range(10, 1000, log=True), TARGET),
    # Training. The number of passes is what a search over seconds leaves to the clock.
    PASSES: Searchable(Range(2, 200, log=True), by_default=()),
    "training.batch": Searchable(Range(2048, 131072, log=True, whole=True), by_default=()),
    "training.sampler": Searchable(Choice(("lattice", "random")), by_default=()),
    "training.prune_share": Searchable(Range(0.3, 0.9), ALL_GATED, by_default=()),
    "training.fine_tune_rate": Searchable(Range(0.05, 1.0, log=True), ALL_GATED, by_default=()),
    "training.decay": Searchable(Choice(("cosine", "passes", "plateau")), by_default=()),
    "training.final_rate": Searchable(Range(0.001, 0.3, log=True)),
    "training.decay_factor": Searchable(Range(0.1, 0.9), by_default=()),
    "training.decay_passes": Searchable(Range(1.0, 30.0, log=True), by_default=()),
    # What an fv-SRN by rate has. All that was best lay within these bounds, and the wider they are the more trials are
    # lost on the rest.
    "rate.price": Searchable(Range(0.03, 0.12, log=True), BY_RATE),
    "rate.channels": Searchable(Range(8, 48, log=True, whole=True), BY_RATE),
    # Networks.
    "neurcomp.blocks": Searchable(Range(1, 10, whole=True), NEURCOMP),
    "neurcomp.width": Searchable(Range(8, 160, log=True, whole=True), Applies(("neurcomp",), sizes=("settings",))),
    "neurcomp.residual": Searchable(Choice((True, False)), NEURCOMP, by_default=()),
    "neurcomp.omega": Searchable(Range(5.0, 60.0, log=True), NEURCOMP, by_default=()),
    "neurcomp.learning_rate": Searchable(Range(1e-4, 5e-3, log=True), NEURCOMP),
    "neurcomp.gradient_weight": Searchable(Range(1e-3, 1.0, log=True), NEURCOMP, by_default=()),
    "fvsrn.layers": Searchable(Range(1, 5, whole=True), FVSRN),
    "fvsrn.width": Searchable(Range(8, 64, log=True, whole=True), FVSRN, by_default=("settings",)),
    "fvsrn.frequencies": Searchable(Range(0, 8, whole=True), FVSRN, by_default=()),
    "fvsrn.features": Searchable(Range(1, 12, log=True, whole=True), FVSRN),
    GRID: Searchable(Range(6, 96, log=True, whole=True), Applies(("fvsrn",), sizes=("settings",))),
    "fvsrn.wavelet": Searchable(Choice(("haar", "db2", "sym4", "bior4.4", "bior6.8", "none")), FVSRN, by_default=()),
    "fvsrn.levels": Searchable(Range(1, 5, whole=True), FVSRN, by_default=()),
    "fvsrn.learning_rate": Searchable(Range(2e-3, 1e-1, log=True), FVSRN),
    # What all pruners share.
    "pruning.learning_rate": Searchable(Range(2e-3, 1e-1, log=True), ALL_GATED),
    "pruning.oversize": Searchable(Range(1.0, 16.0, log=True), Applies(pruners=GATED, sizes=("target",))),
    # Pruners. Weights of losses reach as far below and above what the product takes as experience tells.
    "mask.lambda_mask": Searchable(Range(1e-9, 1e-3, log=True), MASK),
    "mask.lambda_weight": Searchable(Range(1e-9, 1e-4, log=True), MASK),
    "mask.weight_norm": Searchable(Choice((1, 2)), MASK, by_default=()),
    "mask.initial": Searchable(Range(0.6, 0.98), MASK, by_default=()),
    "mask.threshold": Searchable(Range(0.2, 0.8), _fixed(MASK)),
    "smallify.lambda_beta": Searchable(Range(1e-9, 1e-3, log=True), SMALLIFY),
    "smallify.lambda_weight": Searchable(Range(1e-10, 1e-4, log=True), SMALLIFY),
    "smallify.weight_norm": Searchable(Choice((1, 2)), SMALLIFY, by_default=()),
    "smallify.momentum": Searchable(Range(0.005, 0.2, log=True), SMALLIFY, by_default=()),
    "smallify.initial": Searchable(Choice(("normal", "one")), SMALLIFY, by_default=()),
    "smallify.threshold": Searchable(Range(0.1, 0.95), _fixed(SMALLIFY)),
    "variational.psigma": Searchable(Range(1e-4, 0.2, log=True), STATIC),
    "variational.initial_drop_rate": Searchable(Range(0.01, 0.5, log=True), BOTH_VARIATIONAL),
    "variational.threshold": Searchable(Range(0.5, 0.99), _fixed(BOTH_VARIATIONAL)),
    "variational.kl_weight": Searchable(Range(0.01, 100.0, log=True), BOTH_VARIATIONAL),
    "variational.kl_ramp": Searchable(Range(0.5, 20.0, log=True), BOTH_VARIATIONAL),
    "variational.lambda_weight": Searchable(Range(1e-10, 1e-4, log=True), BOTH_VARIATIONAL, by_default=()),
    "variational.weight_norm": Searchable(Choice((1, 2)), BOTH_VARIATIONAL, by_default=()),
    "variational.lambda_entropy": Searchable(Range(1e-9, 1e-3, log=True), BOTH_VARIATIONAL, by_default=()),
    "variational.sigma_layers": Searchable(Range(1, 4, whole=True), DYNAMIC, by_default=()),
    "variational.sigma_width": Searchable(Range(4, 64, log=True, whole=True), DYNAMIC, by_default=()),
    "variational.local_reparameterisation": Searchable(
        Choice((False, True)), Applies(("neurcomp",), VARIATIONAL), by_default=()
    ),
    "variational.reflections": Searchable(Range(0, 4, whole=True), BOTH_VARIATIONAL, by_default=()),
    # Storage, where a target does not choose it (thesis Fig 5.1).
    "quantise.method": Searchable(Choice(("uniform", "kmeans")), by_default=()),
    "quantise.grid_bits": Searchable(Range(4, 12, whole=True), FVSRN, by_default=()),
    "quantise.weight_bits": Searchable(Range(4, 16, whole=True), by_default=()),
}


def searchable(network: str, pruner: str, sizes: str) -> dict[str, Searchable]:
    """The settings that have a say in this kind of search, by name."""
    if (network, pruner) == ("fvsrn", "rate"):
        # Nothing is trained but the filter, and nothing of its network or its storage is left to choose.
        return {
            RATIO: RANGES[RATIO],
            PASSES: RANGES[PASSES],
            **{n: e for n, e in RANGES.items() if e.applies == BY_RATE},
        }
    return {name: entry for name, entry in RANGES.items() if entry.applies.to(network, pruner, sizes)}
