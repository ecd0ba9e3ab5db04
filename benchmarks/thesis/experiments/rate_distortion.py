"""Quality at equal bytes: the plain networks, before and after quantisation, beside classical compressors (Fig 5.2)."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any, Iterator, Sequence

from matplotlib.figure import Figure

from experiments.base import Experiment
from experiments.budget import Choice
from experiments.drawing import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    VERMILION,
    finished,
    grouped,
    legend,
    numbers,
    panel_grid,
    ratio_axis,
    spread_line,
)
from experiments.runs import config_of
from experiments.table import Row

PEERS_TABLE = Path(__file__).parents[2] / "rate_distortion.csv"
"""What the benchmark of the same name has measured; its peers are not run again here."""
PEER_COLOURS = {"tthresh": BLACK, "sz3": ORANGE, "sperr": PURPLE, "zfp": GREY}
FLOAT_BYTES = 4


class RateDistortion(Experiment):
    """Both networks at equal bytes: their parameters as float32 numbers, quantised files, and classical compressors.

    As float32 the bytes are 4 for each parameter that is not zero and nothing else, no header and no positions of
    what was pruned: kinder to the network than a file could be. Quantised, they are those of the file. The thesis
    shows networks without a pruner.
    """

    name = "rate_distortion"
    title = "Quality at equal bytes, before and after quantisation (Fig 5.2)"
    ratios = (50.0, 100.0, 200.0, 400.0)
    seeds = 1
    subjects = ("method", "network", "pruner", "storage")
    summed = ("ratio", "psnr")

    def __init__(self, choice: Choice, peers: Path = PEERS_TABLE) -> None:
        super().__init__(choice)
        self.peers = peers
        self.wanted_pruners = tuple(choice.pruners or ("none",))

    def plan(self) -> Iterator[dict[str, Any]]:
        for network, pruner, ratio, seed in self.combinations():
            for target in ("target.ratio", "target.parameter_ratio"):
                yield {**self.choice.settings(network, pruner, seed), target: ratio}

    def row(self, run: Row) -> Row:
        row = super().row(run)
        row["method"] = row["network"] + ("" if row["pruner"] == "none" else f"+{row['pruner']}")
        if config_of(run["settings"]).target.parameter_ratio and run["parameters"]:
            # The original's bytes, from what the run's own file counted.
            original = float(run["ratio"]) * float(run["bytes"])
            counted = FLOAT_BYTES * int(run["parameters"])
            row.update({"bytes": str(counted), "ratio": f"{original / counted:.7g}"})
        return row

    def others(self, volume: str) -> list[Row]:
        """The peers' rows of a volume of the same name."""
        if not self.peers.exists():
            return []
        with self.peers.open(newline="") as file:
            known = [row for row in csv.DictReader(file) if row["volume"] == volume and row["method"] in PEER_COLOURS]
        return [
            {
                **dict.fromkeys(self.columns, ""),
                **{c: row[c] for c in ("volume", "method", "ratio_asked", "bytes", "ratio", "psnr")},
                "storage": "peer",
                "settings": f"{row['method']} ratio={row['ratio_asked']}",
                "error": row["note"],
            }
            for row in known
        ]

    def draw(self, rows: Sequence[Row]) -> Figure:
        done = finished(rows)
        figure, panels = panel_grid(done, ("volume",), str)
        for axis, members in panels:
            for (method, storage, passes), found in grouped(members, "method", "storage", "passes").items():
                points: dict[float, list[Row]] = {}
                for row in found:
                    points.setdefault(float(row["ratio_asked"]), []).append(row)
                if storage == "peer":
                    x = [float(r["ratio"]) for r in found]
                    style = {"ls": "--", "lw": 1.2, "marker": "."}
                    axis.plot(x, numbers(found, "psnr"), color=PEER_COLOURS[method], label=method, **style)
                    continue
                # Where they lie is what they reached, not what was asked for.
                at = {sum(numbers(g, "ratio")) / len(g): numbers(g, "psnr") for g in points.values()}
                colour = {"fvsrn": BLUE, "fvsrn+smallify": GREEN}.get(
                    method, VERMILION if "neurcomp" in method else BLUE
                )
                line = "-" if storage == "quantised" else ":"
                spread_line(axis, at, f"{method}, {storage}, {passes} passes", colour, line)
            ratio_axis(axis, numbers(members, "ratio_asked"), "compression ratio (bytes of the array / bytes)")
            axis.set_ylabel("PSNR (dB)")
        legend(figure)
        return figure
