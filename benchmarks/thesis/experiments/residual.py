"""Neurcomp with residual blocks and without, pruned and not (Figs 5.9 and 5.10)."""

from __future__ import annotations

from typing import Any, Iterator, Sequence

from matplotlib.figure import Figure

from experiments.base import Experiment
from experiments.drawing import (
    PRUNER_COLOURS,
    finished,
    grouped,
    legend,
    numbers,
    panel_grid,
    ratio_axis,
    spread_line,
)
from experiments.table import Row


class Residual(Experiment):
    """Residual blocks (2.5), of which inner neurons alone can go, against a plain stack, of which all can (4.1)."""

    name = "residual"
    title = "Neurcomp with and without residual blocks (Figs 5.9, 5.10)"
    ratios = (50.0, 100.0, 200.0)
    seeds = 1
    networks = ("neurcomp",)
    pruners = ("none", "smallify", "variational-dynamic")
    subjects = ("network", "pruner", "blocks")

    def plan(self) -> Iterator[dict[str, Any]]:
        for network, pruner, ratio, seed in self.combinations():
            for residual in (True, False):
                common = self.choice.settings(network, pruner, seed)
                yield {**common, "neurcomp.residual": residual, "target.parameter_ratio": ratio}

    def draw(self, rows: Sequence[Row]) -> Figure:
        def name(volume: str, passes: str) -> str:
            return f"{volume}, neurcomp, {passes} passes"

        figure, panels = panel_grid(finished(rows), ("volume", "passes"), name)
        for axis, members in panels:
            for (pruner, blocks), found in grouped(members, "pruner", "blocks").items():
                points = {float(k[0]): numbers(g, "psnr") for k, g in grouped(found, "ratio_asked").items()}
                style = "-" if blocks == "residual" else "--"
                spread_line(axis, points, f"{pruner}, {blocks}", PRUNER_COLOURS[pruner], style)
            ratio_axis(axis, numbers(members, "ratio_asked"), "parameter ratio (values / parameters)")
            axis.set_ylabel("PSNR (dB)")
        legend(figure)
        return figure
