"""Whether pruners find more to drop among wavelet coefficients than among the values of a grid (Fig 5.21)."""

from __future__ import annotations

from typing import Any, Iterator, Sequence

from matplotlib.figure import Figure

from experiments.base import MEASURED, Experiment
from experiments.drawing import (
    BLUE,
    GREY,
    ORANGE,
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

WAVELETS = ("none", "haar", "bior4.4")
COLOURS = {"none": GREY, "haar": ORANGE, "bior4.4": BLUE}
NAMES = {"none": "spatial grid", "haar": "haar", "bior4.4": "bior4.4"}


class Wavelet(Experiment):
    """The latent grid as values or as wavelet coefficients, for every pruner, all sizes being equal.

    The size asked for settles how much is pruned in the end, the same for all; what the pruner would drop by its own
    threshold (``own_dropped``) is what the thesis shows as the percentage pruned.
    """

    name = "wavelet"
    title = "Wavelet or spatial latent grid (Fig 5.21)"
    networks = ("fvsrn",)
    subjects = ("network", "pruner", "wavelet")
    measured = (*MEASURED, "pruned", "own_dropped")
    summed = ("parameter_ratio", "psnr", "pruned", "own_dropped")

    def plan(self) -> Iterator[dict[str, Any]]:
        for network, pruner, ratio, seed in self.combinations():
            for wavelet in WAVELETS:
                common = self.choice.settings(network, pruner, seed)
                yield {**common, "fvsrn.wavelet": wavelet, "target.parameter_ratio": ratio}

    def row(self, run: Row) -> Row:
        row = super().row(run)
        if row["kept_fraction"]:
            row["pruned"] = f"{1.0 - float(row['kept_fraction']):.7g}"
        return row

    def draw(self, rows: Sequence[Row]) -> Figure:
        # Each panel twice: what quality comes of it, and what the pruner would drop.
        twice = [{**row, "shown": shown} for row in finished(rows) for shown in ("psnr", "own_dropped")]

        def name(volume: str, passes: str, ratio: str, shown: str) -> str:
            told = "quality" if shown == "psnr" else "what the pruner itself would drop"
            return f"{volume}, ratio {ratio}, {passes} passes: {told}"

        columns = ("volume", "passes", "ratio_asked", "shown")
        figure, panels = panel_grid(twice, columns, name, across=1, size=(9.0, 3.1))
        for axis, members in panels:
            shown = members[0]["shown"]
            scale, form = (1.0, ".2f") if shown == "psnr" else (100.0, ".1f")
            found = grouped(members, "pruner", "wavelet")

            def values(pruner: str, wavelet: str, shown: str = shown, scale: float = scale, found=found) -> list[float]:  # type: ignore[no-untyped-def]
                return [scale * n for n in numbers(found.get((pruner, wavelet), []), shown)]

            pruners = [p for p in in_order(members, "pruner", tuple(PRUNER_COLOURS)) if shown == "psnr" or p != "none"]
            given = in_order(members, "wavelet", WAVELETS)
            spread_bars(axis, pruners, given, values, COLOURS, "none" if shown == "psnr" else None, NAMES, form)
            if shown == "psnr":
                axis.set_ylabel("PSNR (dB)\nabove: difference to spatial")
            else:
                axis.set(ylim=(0, 112), ylabel="above its own threshold\n(% of the coefficients)")
        legend(figure)
        return figure
