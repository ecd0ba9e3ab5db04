"""What paying for undecided drop rates does to them, and to the field (Figs 5.11 and 5.12)."""

from __future__ import annotations

import json
from typing import Any, Iterator, Sequence

import numpy as np
from matplotlib.figure import Figure

from experiments.base import MEASURED, Experiment
from experiments.drawing import BLUE, VERMILION, finished, grouped, numbers, with_spread
from experiments.runs import config_of
from experiments.table import Row

LAMBDA = 1.0
"""An entry's entropy, at most 0.69 nats, then weighs as much as its divergence from the prior."""
DECIDED = 0.1
"""Drop rates this near to 0 or 1 count as decided."""


class Entropy(Experiment):
    """Neurcomp with dynamic variational dropout, with the entropy loss (4.2) and without it."""

    name = "entropy"
    title = "Drop rates with and without the entropy loss (Figs 5.11, 5.12)"
    networks = ("neurcomp",)
    pruners = ("variational-dynamic",)
    subjects = ("network", "pruner", "lambda_entropy")
    measured = (*MEASURED, "own_dropped", "undecided", "drop_rates")
    summed = ("parameter_ratio", "psnr", "own_dropped", "undecided")

    def plan(self) -> Iterator[dict[str, Any]]:
        given = self.choice.lambda_entropy
        for network, pruner, ratio, seed in self.combinations():
            for weight in (0.0, LAMBDA if given is None else given):
                common = self.choice.settings(network, pruner, seed)
                yield {**common, "variational.lambda_entropy": weight, "target.parameter_ratio": ratio}

    def row(self, run: Row) -> Row:
        row = super().row(run)
        if row["drop_rates"]:
            row["undecided"] = f"{undecided(json.loads(row['drop_rates'])):.5g}"
        return row

    def draw(self, rows: Sequence[Row]) -> Figure:
        """Histograms of the layers side by side, all seeds together: above without the entropy loss, below with it."""
        done = finished([row for row in rows if row["drop_rates"]])
        groups = grouped(done, "volume", "passes", "ratio_asked", "lambda_entropy")
        layers = in_layers(done)
        figure = Figure(figsize=(max(2.1 * len(layers), 6.0), 2.1 * len(groups)), layout="constrained")
        strips = np.atleast_1d(figure.subfigures(len(groups), 1))
        for strip, ((volume, passes, ratio, weight), found) in zip(strips, groups.items()):
            quality = f"PSNR {with_spread(numbers(found, 'psnr'))} dB"
            reached = f"parameter ratio {with_spread(numbers(found, 'parameter_ratio'))}"
            setting = f"{volume}, ratio {ratio}, {passes} passes, lambda_entropy {weight}"
            strip.suptitle(f"{setting}: {quality}, {reached}", fontsize="small")
            axes = strip.subplots(1, len(layers), squeeze=False, sharey=True)[0]
            threshold = config_of(found[0]["settings"]).variational.threshold
            for axis, layer in zip(axes, layers):
                share = 100 * histogram(found, layer)
                colour = BLUE if float(weight) == 0 else VERMILION
                axis.stairs(share, np.linspace(0, 1, len(share) + 1), fill=True, color=colour, alpha=0.8)
                axis.axvline(threshold, color="black", ls=":", lw=1)
                axis.set_title(layer, fontsize="small")
                axis.set_xlabel("drop rate", fontsize="small")
                axis.set(xlim=(-0.02, 1.02), ylim=(0, 105))
            axes[0].set_ylabel("% of neurons", fontsize="small")
        return figure


def histogram(rows: Sequence[Row], layer: str) -> np.ndarray:
    """Share of a layer's entries in each bin of the drop rate, over all rows."""
    counts = [json.loads(row["drop_rates"])[layer] for row in rows if layer in json.loads(row["drop_rates"])]
    total = np.sum(counts, axis=0, dtype=float)
    return np.asarray(total / max(total.sum(), 1.0))


def in_layers(rows: Sequence[Row]) -> list[str]:
    """Names of all layers, in order."""
    return list(dict.fromkeys(name for row in rows for name in json.loads(row["drop_rates"])))


def undecided(layers: dict[str, list[float]]) -> float:
    """Share of the entries whose drop rates lie away from both 0 and 1."""
    counts = np.sum(list(layers.values()), axis=0)
    centres = (np.arange(len(counts)) + 0.5) / len(counts)
    return float(counts[(centres > DECIDED) & (centres < 1 - DECIDED)].sum() / max(counts.sum(), 1))
