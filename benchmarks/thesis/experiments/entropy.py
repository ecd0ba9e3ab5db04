"""What paying for undecided drop rates does to them, and to the field (Figs 5.11 and 5.12)."""

from __future__ import annotations

import json
from typing import Any, Iterator, Sequence

import numpy as np
from matplotlib.figure import Figure

from experiments.base import MEASURED, Experiment
from experiments.drawing import BLUE, VERMILION, finished, grouped, in_order, numbers, with_spread
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
        done = [row for row in finished(rows) if row["drop_rates"]]
        groups = grouped(done, "volume", "passes", "ratio_asked")
        layers = in_layers(done)
        weights = in_order(done, "lambda_entropy")
        down = len(groups) * len(weights)
        figure = Figure(figsize=(max(2.1 * len(layers), 6.0), 1.9 * down + 0.3), layout="constrained")
        axes = figure.subplots(down, len(layers), squeeze=False, sharex=True, sharey=True)
        lines = iter(axes)
        for (volume, passes, ratio), members in groups.items():
            for weight in weights:
                found = [row for row in members if row["lambda_entropy"] == weight]
                line = next(lines)
                quality = f"PSNR {with_spread(numbers(found, 'psnr'))} dB"
                reached = f"parameter ratio {with_spread(numbers(found, 'parameter_ratio'))}"
                weighed = f"lambda_entropy {weight}"
                line[0].set_title(
                    f"{volume}, ratio {ratio}, {passes} passes, {weighed}: {quality}, {reached}\n{layers[0]}",
                    loc="left", fontsize="small",
                )  # fmt: skip
                for axis, layer in zip(line, layers):
                    if layer != layers[0]:
                        axis.set_title(layer, loc="left", fontsize="small")
                    counts = np.sum([json.loads(row["drop_rates"]).get(layer, 0) for row in found], axis=0, dtype=float)
                    counts = np.atleast_1d(counts)
                    edges = np.linspace(0, 1, len(counts) + 1)
                    share = 100 * counts / max(counts.sum(), 1)
                    axis.stairs(share, edges, fill=True, color=BLUE if float(weight) == 0 else VERMILION, alpha=0.8)
                    for row in found[:1]:
                        threshold = config_of(row["settings"]).variational.threshold
                        axis.axvline(threshold, color="black", ls=":", lw=1)
        for axis in axes[-1]:
            axis.set_xlabel("drop rate", fontsize="small")
        for axis in axes[:, 0]:
            axis.set_ylabel("% of neurons", fontsize="small")
        return figure


def in_layers(rows: Sequence[Row]) -> list[str]:
    """Names of all layers, in order."""
    return list(dict.fromkeys(name for row in rows for name in json.loads(row["drop_rates"])))


def undecided(layers: dict[str, list[float]]) -> float:
    """Share of the entries whose drop rates lie away from both 0 and 1."""
    counts = np.sum(list(layers.values()), axis=0)
    centres = (np.arange(len(counts)) + 0.5) / len(counts)
    return float(counts[(centres > DECIDED) & (centres < 1 - DECIDED)].sum() / max(counts.sum(), 1))
