"""Pictures of the table: PSNR over the ratio, and PSNR at equal bytes over the seconds it took."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter
from measurements import Measurements, Row
from peers import PEERS

from srn_core import atomic
from srn_core.errors import SrnInputError

# Okabe and Ito's colours, which the colour-blind can tell apart; ours takes the strong ones.
PEER_COLOURS = {"sperr": "#CC79A7", "sz3": "#E69F00", "zfp": "#999999", "tthresh": "#000000"}
OUR_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#56B4E9", "#F0E442")
RATIO_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
DPI = 130
MOST_TICKS = 8

Curves = Mapping[str, Mapping[float, Row]]


def draw_all(table: Measurements, folder: Path) -> list[Path]:
    """Draw every volume's curves as PNG into ``folder``, which is made; gives the files' paths.

    A volume gets a picture of PSNR over seconds where ours was measured with several time budgets.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SrnInputError(
            f"'{folder}' cannot be made: {error.strerror or error}; choose another --results"
        ) from error
    drawn = []
    for volume in table.volumes():
        curves = table.curves(volume)
        name = re.sub(r"[^\w.-]+", "-", volume)
        if curves:
            drawn.append(_save(over_ratio(volume, curves), folder / f"{name}.png"))
        if len({row["seconds"] for _, row in our_rows(curves)}) > 1:
            drawn.append(_save(over_seconds(volume, curves), folder / f"{name}-seconds.png"))
    return drawn


def our_rows(curves: Curves) -> list[tuple[float, Row]]:
    """Rows of ours with the ratio each was asked for."""
    return [(ratio, row) for name, rows in curves.items() if name not in PEERS for ratio, row in rows.items()]


def over_ratio(volume: str, curves: Curves) -> Figure:
    """PSNR over the ratio really reached, one line for each curve."""
    figure, axis = _figure(volume, "compression ratio (bytes)")
    ours = [name for name in curves if name not in PEERS]
    for name, rows in curves.items():
        points = sorted((float(row["ratio"]), float(row["psnr"])) for row in rows.values())
        if name in PEERS:
            style: dict[str, Any] = {"color": PEER_COLOURS[name], "lw": 1.2, "ls": "--", "marker": "."}
        else:
            style = {"color": OUR_COLOURS[ours.index(name) % len(OUR_COLOURS)], "lw": 2.2, "marker": "o"}
        builds = sorted({row["method"] for row in rows.values()}) if name in PEERS else [name]
        axis.plot(*zip(*points), label=", ".join(builds), **style)
    asked = sorted({ratio for rows in curves.values() for ratio in rows})
    if len(asked) <= MOST_TICKS:
        axis.set_xticks(asked, [f"{ratio:g}" for ratio in asked])
        axis.xaxis.set_minor_formatter(NullFormatter())
    axis.legend(fontsize="small")
    return figure


def over_seconds(volume: str, curves: Curves) -> Figure:
    """PSNR over the seconds that compressing took: a line for each method of ours and ratio, the peers as points."""
    figure, axis = _figure(volume, "seconds to compress")
    methods = list(dict.fromkeys(row["method"] for _, row in our_rows(curves)))
    ratios = sorted({ratio for ratio, _ in our_rows(curves)})
    for ratio in ratios:
        marker = RATIO_MARKERS[ratios.index(ratio) % len(RATIO_MARKERS)]
        for method in methods:
            rows = [row for asked, row in our_rows(curves) if asked == ratio and row["method"] == method]
            points = sorted((float(row["encode_s"]), float(row["psnr"])) for row in rows)
            colour = OUR_COLOURS[methods.index(method) % len(OUR_COLOURS)]
            if points:
                axis.plot(*zip(*points), color=colour, lw=2, marker=marker, label=f"{method}, {ratio:g} : 1")
        for peer in (p for p in PEERS if p in curves):
            row = curves[peer].get(ratio)
            if row and row["encode_s"]:
                place = float(row["encode_s"]), float(row["psnr"])
                axis.plot(*place, color=PEER_COLOURS[peer], ls="", marker=marker, label=f"{peer}, {ratio:g} : 1")
    axis.legend(fontsize="x-small", ncols=2)
    return figure


def _figure(title: str, x: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(6.0, 4.2), layout="constrained")
    axis = figure.subplots()
    axis.set_xscale("log")
    axis.set(title=title, xlabel=x, ylabel="PSNR (dB)")
    axis.grid(alpha=0.3)
    return figure, axis


def _save(figure: Figure, path: Path) -> Path:
    with atomic.atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=DPI)
    return path
