"""Pictures of a search, each from a table that lies beside it. Matplotlib is needed here alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from srn_core.errors import SrnMissingPackageError
from srn_core.search.outputs import hypervolumes
from srn_core.search.peers import Curves
from srn_core.search.runner import SearchResult

DEFAULT_COLOURS = ("#d95f02", "#1b9e77")
PEER_COLOURS = ("#7f7f7f", "#8c564b", "#bcbd22", "#17becf", "#e377c2", "#9467bd")


def figure(width: float, height: float) -> Any:
    """An empty figure. Raises SrnMissingPackageError where matplotlib is not installed."""
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise SrnMissingPackageError("matplotlib", "A picture of a search", "search") from error
    return Figure((width, height), layout="constrained")


def can_draw() -> bool:
    """Whether matplotlib is installed."""
    try:
        figure(1.0, 1.0)
    except SrnMissingPackageError:
        return False
    return True


def save(drawn: Any, path: Path) -> None:
    """Write a figure as PNG."""
    from srn_core.atomic import atomic_path

    with atomic_path(path) as temporary:
        drawn.savefig(temporary, dpi=120, format="png")


def plain_numbers(axis: Any) -> None:
    """Label a logarithmic axis with numbers as people write them."""
    from matplotlib.ticker import LogLocator, NullFormatter

    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter(lambda value, _: f"{value:g}")
    axis.set_minor_formatter(NullFormatter())


def draw_front(folder: Path, result: SearchResult, peers: Curves) -> None:
    """``front.png``: trials, front, defaults and peers; below, the hypervolume over the trials."""
    first, second = result.objectives
    drawn = figure(7.5, 7.0)
    upper, lower = drawn.subplots(2, 1, height_ratios=(3, 1))
    done = [trial for trial in result.of_kind("search") if trial.done]
    x, y = ([t.measured[o.name] for t in done] for o in (first, second))
    upper.plot(x, y, ".", color="#9ecae1", label=f"{len(done)} trials")
    front = result.front()
    x, y = ([t.measured[o.name] for t in front] for o in (first, second))
    request = result.record.request
    upper.plot(x, y, "o-", color="#1f4e99", label=f"front: {request.network}, {request.pruner}")
    for (method, standard), colour in zip(result.defaults().items(), DEFAULT_COLOURS):
        x, y = ([t.measured[o.name] for t in standard] for o in (first, second))
        upper.plot(x, y, "s--", color=colour, label=f"defaults: {method.replace(' ', ', ')}")
    if (first.name, second.name) == ("ratio", "psnr"):
        _draw_peers(upper, peers)
    label_front(upper, lower, result)
    upper.legend()
    rows = hypervolumes(result)
    lower.step([row["trials"] for row in rows], [row["hypervolume"] for row in rows], where="post", color="#1f4e99")
    save(drawn, folder / "front.png")


def label_front(upper: Any, lower: Any, result: SearchResult) -> None:
    """Scales, labels and grids of a picture of fronts above and of hypervolumes below."""
    first, second = result.objectives
    if first.log:
        upper.set_xscale("log")
        plain_numbers(upper.xaxis)
    if second.log:
        upper.set_yscale("log")
        plain_numbers(upper.yaxis)
    dims = "x".join(map(str, result.record.dims))
    upper.set(xlabel=first.label, ylabel=second.label, title=f"{result.record.name}, {dims}")
    upper.grid(alpha=0.3, which="both")
    lower.set(xlabel="finished trials", ylabel="hypervolume", ylim=(0, None))
    lower.grid(alpha=0.3)


def _draw_peers(axes: Any, peers: Curves) -> None:
    for number, (method, points) in enumerate(peers.items()):
        colour = PEER_COLOURS[number % len(PEER_COLOURS)]
        axes.plot(*zip(*points), "x:", color=colour, label=method)
