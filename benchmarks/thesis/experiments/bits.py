"""Few neurons stored finely or many stored coarsely, in the same file size (Fig 5.1)."""

from __future__ import annotations

from typing import Any, Iterator, Sequence

from matplotlib.figure import Figure

from experiments.base import MEASURED, Experiment
from experiments.drawing import BLUE, VERMILION, finished, grouped, legend, numbers, panel_grid, spread_line
from experiments.table import Row

BITS = (4, 5, 6, 7, 8, 10, 12, 16)
STYLES = {"uniform": ("-", BLUE), "kmeans": ("--", VERMILION)}


class Bits(Experiment):
    """Neurcomp at a fixed number of bytes: bits of a weight against the width that then fits, by both quantisers."""

    name = "bits"
    title = "Bits of a weight against width at a fixed size (Fig 5.1)"
    ratios = (100.0, 200.0)
    seeds = 1
    networks = ("neurcomp",)
    pruners = ("none",)
    subjects = ("network", "pruner", "method", "bits")
    measured = ("width", *MEASURED)
    summed = ("width", "ratio", "psnr")

    def plan(self) -> Iterator[dict[str, Any]]:
        for network, pruner, ratio, seed in self.combinations():
            for method in STYLES:
                for bits in self.choice.bits or BITS:
                    quantise = {"quantise.weight_bits": bits, "quantise.method": method}
                    yield {**self.choice.settings(network, pruner, seed), **quantise, "target.ratio": ratio}

    def draw(self, rows: Sequence[Row]) -> Figure:
        def name(volume: str, passes: str, ratio: str) -> str:
            return f"{volume}, ratio {ratio} (bytes), {passes} passes"

        figure, panels = panel_grid(finished(rows), ("volume", "passes", "ratio_asked"), name)
        for axis, members in panels:
            for (method,), found in grouped(members, "method").items():
                points = {float(k[0]): g for k, g in grouped(found, "bits").items()}
                style, colour = STYLES[method]
                spread_line(axis, {b: numbers(g, "psnr") for b, g in points.items()}, method, colour, style)
            # Which width fits hangs on the bits alone.
            widths = {int(row["bits"]): row["width"] for row in members}
            axis.set_xticks(sorted(widths), [f"{bits}\n{widths[bits]}" for bits in sorted(widths)], fontsize="small")
            axis.set(xlabel="bits of a weight\nand the neurons of a layer that then fit", ylabel="PSNR (dB)")
        legend(figure)
        return figure
