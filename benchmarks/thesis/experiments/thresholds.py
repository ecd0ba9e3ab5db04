"""One threshold for all layers, or one for each (Fig 5.13)."""

from __future__ import annotations

from typing import Any, Iterator, Sequence

from matplotlib.figure import Figure

from experiments.base import Experiment
from experiments.drawing import (
    GREY,
    PRUNER_COLOURS,
    VERMILION,
    finished,
    grouped,
    in_order,
    legend,
    numbers,
    panel_grid,
    spread_bars,
)
from experiments.table import Row

COLOURS = {"searched": GREY, "layerwise": VERMILION}
NAMES = {"searched": "one threshold for all layers", "layerwise": "a threshold for each layer"}


class Thresholds(Experiment):
    """Thresholds chosen after training, at the same number of parameters: global against layerwise."""

    name = "thresholds"
    title = "Global against layerwise thresholds (Fig 5.13)"
    pruners = ("smallify", "variational-dynamic")
    subjects = ("network", "pruner", "thresholds")

    def plan(self) -> Iterator[dict[str, Any]]:
        for network, pruner, ratio, seed in self.combinations():
            for thresholds in COLOURS:
                common = self.choice.settings(network, pruner, seed)
                yield {**common, "pruning.thresholds": thresholds, "target.parameter_ratio": ratio}

    def draw(self, rows: Sequence[Row]) -> Figure:
        def name(volume: str, network: str, passes: str, ratio: str) -> str:
            return f"{volume}, {network}, ratio {ratio}, {passes} passes"

        figure, panels = panel_grid(finished(rows), ("volume", "network", "passes", "ratio_asked"), name)
        for axis, members in panels:
            found = grouped(members, "pruner", "thresholds")

            def psnr(pruner: str, thresholds: str, found: dict[tuple[str, ...], list[Row]] = found) -> list[float]:
                return numbers(found.get((pruner, thresholds), []), "psnr")

            pruners = in_order(members, "pruner", tuple(PRUNER_COLOURS))
            spread_bars(axis, pruners, list(COLOURS), psnr, COLOURS, "searched", NAMES)
            axis.set_ylabel("PSNR (dB)\nabove: difference")
        legend(figure)
        return figure
