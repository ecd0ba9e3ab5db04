"""What each pruner gains over the same network without one (Figs 5.3 and 5.14)."""

from __future__ import annotations

from typing import Any, Iterator, Sequence

from matplotlib.figure import Figure

from experiments.base import MEASURED, Experiment
from experiments.drawing import (
    PRUNER_COLOURS,
    finished,
    grouped,
    in_order,
    legend,
    numbers,
    panel_grid,
    spread_bars,
)
from experiments.table import Row


class Pruning(Experiment):
    """Every pruner and none, on both networks, at the same number of parameters and the same passes."""

    name = "pruning"
    title = "Every pruner and none at the same parameter ratio (Figs 5.3, 5.14)"
    subjects = ("network", "pruner", "wavelet")
    measured = (*MEASURED, "own_dropped")

    def plan(self) -> Iterator[dict[str, Any]]:
        for network, pruner, ratio, seed in self.combinations():
            yield {**self.choice.settings(network, pruner, seed), "target.parameter_ratio": ratio}

    def draw(self, rows: Sequence[Row]) -> Figure:
        def name(volume: str, network: str, passes: str) -> str:
            return f"{volume}, {network}, {passes} passes"

        figure, panels = panel_grid(finished(rows), ("volume", "network", "passes"), name)
        for axis, members in panels:
            found = grouped(members, "ratio_asked", "pruner")

            def psnr(ratio: str, pruner: str, found: dict[tuple[str, ...], list[Row]] = found) -> list[float]:
                return numbers(found.get((ratio, pruner), []), "psnr")

            pruners = in_order(members, "pruner", tuple(PRUNER_COLOURS))
            spread_bars(axis, in_order(members, "ratio_asked"), pruners, psnr, PRUNER_COLOURS, "none")
            axis.set(xlabel="parameter ratio (values / parameters)", ylabel="PSNR (dB)\nabove: difference to none")
        legend(figure)
        return figure
