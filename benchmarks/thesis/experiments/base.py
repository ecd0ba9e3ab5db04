"""The contract of an experiment: what is run, what is tabled, what is drawn."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Iterator, Sequence

from matplotlib.figure import Figure

from experiments.budget import Choice
from experiments.runs import config_of
from experiments.table import Row
from srn_core.config import CompressConfig

NETWORKS = ("fvsrn", "neurcomp")
PRUNERS = ("none", "mask", "smallify", "variational-static", "variational-dynamic")
"""Those of the thesis, which are trained."""
MEASURED = (
    "bytes", "ratio", "parameters", "parameter_ratio", "psnr", "kept_fraction", "fold_change", "train_seconds",
)  # fmt: skip


class Experiment(ABC):
    """One question of the thesis: a plan of runs, a table that is a view of them, and a picture of that table."""

    name: ClassVar[str]
    """Of its files, and on the command line."""
    title: ClassVar[str]
    """The question, with the thesis' figures."""
    ratios: ClassVar[tuple[float, ...]] = (100.0,)
    seeds: ClassVar[int] = 3
    networks: ClassVar[tuple[str, ...]] = NETWORKS
    pruners: ClassVar[tuple[str, ...]] = PRUNERS
    subjects: ClassVar[tuple[str, ...]] = ("network", "pruner")
    """Columns that are compared: rows that agree in them differ in the seed alone."""
    measured: ClassVar[tuple[str, ...]] = MEASURED
    """Columns of figures."""
    summed: ClassVar[tuple[str, ...]] = ("parameter_ratio", "psnr")
    """Figures whose mean and spread over the seeds are printed."""

    def __init__(self, choice: Choice) -> None:
        self.choice = choice
        budget = choice.budget
        few = budget.ratios[: len(self.ratios)] if budget.ratios else self.ratios
        self.wanted_ratios = tuple(choice.ratios or few)
        self.wanted_seeds = range(choice.seeds or budget.seeds or self.seeds)
        self.wanted_networks = tuple(n for n in self.networks if choice.networks is None or n in choice.networks)
        self.wanted_pruners = tuple(p for p in self.pruners if choice.pruners is None or p in choice.pruners)

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the table; rows are keyed by volume and settings."""
        return ("volume", *self.subjects, "seed", "passes", "ratio_asked", *self.measured, "settings", "error")

    @abstractmethod
    def plan(self) -> Iterator[dict[str, Any]]:
        """The settings of every run that one volume needs, those first that others are compared with."""

    @abstractmethod
    def draw(self, rows: Sequence[Row]) -> Figure:
        """The picture of finished rows, of all volumes and budgets in the table."""

    def row(self, run: Row) -> Row:
        """What of a run's row the table has."""
        known = {**facts(config_of(run["settings"])), **run}
        return {column: known.get(column, "") for column in self.columns}

    def others(self, volume: str) -> list[Row]:
        """Rows that come from elsewhere."""
        return []

    def combinations(self) -> Iterator[tuple[str, str, float, int]]:
        """Network, pruner, ratio and seed of every run."""
        for seed in self.wanted_seeds:
            for ratio in self.wanted_ratios:
                for network in self.wanted_networks:
                    for pruner in self.wanted_pruners:
                        yield network, pruner, ratio, seed


def facts(config: CompressConfig) -> Row:
    """Settings by the names that the tables have for them."""
    target = config.target
    return {
        "network": config.network,
        "pruner": config.pruner,
        "seed": str(config.seed),
        "wavelet": config.fvsrn.wavelet if config.network == "fvsrn" else "",
        "blocks": "residual" if config.neurcomp.residual else "plain",
        "thresholds": config.pruning.thresholds,
        "lambda_entropy": f"{config.variational.lambda_entropy:g}",
        "method": config.quantise.method,
        "bits": str(config.quantise.weight_bits or ""),
        "storage": "float32" if target.parameter_ratio else "quantised",
        "ratio_asked": f"{target.parameter_ratio or target.ratio or 0:g}",
    }
