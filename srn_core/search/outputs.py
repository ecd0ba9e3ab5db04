"""What a search leaves: tables of its trials, the front, and a ready config for each point of the front."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from srn_core.search.comparison import COLUMNS, compared
from srn_core.search.front import hypervolume
from srn_core.search.objectives import scores
from srn_core.search.runner import FILES, SearchResult
from srn_core.search.space import nested
from srn_core.search.tables import write_csv, write_json
from srn_core.search.trial import PROPOSED, Trial

MEASURED = (
    "bytes", "ratio", "parameters", "parameter_ratio", "psnr", "ssim", "max_error", "kept_fraction",
    "initial_parameters", "initial_grid", "passes", "train_seconds", "cpu_seconds", "decode_mvoxel_s",
)  # fmt: skip
FRONT = "front"


def write(folder: Path, result: SearchResult, *, last: bool = True) -> None:
    """Write all tables and configs of a search into its folder; what an earlier run wrote is replaced.

    Args:
        last: whether the search has come to its end, so that neural files off the front can go.
    """
    trials = sorted(result.trials, key=lambda trial: (trial.kind, trial.index))
    settings = sorted({name for trial in trials for name in trial.settings})
    columns = ["kind", "trial", PROPOSED, "status", "seconds", *MEASURED, *settings, "reason"]
    rows = [_row(trial) for trial in trials]
    write_csv(folder / "trials.csv", rows, columns)
    write_json(folder / "trials.json", [trial.to_dict() for trial in trials])
    front = result.front()
    columns = ["point", "volume", "crc32", "method", "trial", PROPOSED, *MEASURED, *settings]
    table = [
        {
            **_row(trial),
            "point": number,
            "volume": result.record.name,
            "crc32": result.record.crc32,
            "method": _of(result),
        }
        for number, trial in enumerate(front, 1)
    ]
    write_csv(folder / "front.csv", table, columns)
    write_csv(folder / "hypervolume.csv", hypervolumes(result), ["trials", "trial", "hypervolume"])
    write_csv(folder / "comparison.csv", compared(result), COLUMNS)
    _write_front(folder, front, last)


def hypervolumes(result: SearchResult) -> list[dict[str, Any]]:
    """The front's hypervolume after each finished trial, in the order in which they ended.

    Its unit is that of the two scores (:mod:`srn_core.search.objectives`): ln(ratio) x dB for ratio and PSNR.
    """
    points: list[tuple[float, ...]] = []
    rows: list[dict[str, Any]] = []
    for trial in (trial for trial in result.trials if trial.kind == "search"):
        if trial.done:
            points.append(scores(trial.measured, result.objectives))
        rows.append({"trials": len(rows) + 1, "trial": trial.index, "hypervolume": hypervolume(points)})
    return rows


def _of(result: SearchResult) -> str:
    request = result.record.request
    return f"{request.network} {request.pruner}"


def _row(trial: Trial) -> dict[str, Any]:
    return {
        "kind": trial.kind,
        "trial": trial.index,
        "status": trial.status,
        "seconds": trial.seconds,
        "reason": trial.reason,
        PROPOSED: trial.extra.get(PROPOSED),
        **trial.settings,
        **trial.measured,
    }


def _write_front(folder: Path, front: list[Trial], last: bool) -> None:
    """``front/NN.json`` for ``srn compress --config``, by the first objective, and the neural files that are kept."""
    place, files = folder / FRONT, folder / FILES
    place.mkdir(exist_ok=True)
    for old in [*place.glob("[0-9]*.json"), *place.glob("[0-9]*.srn")]:
        old.unlink()
    for number, trial in enumerate(front, 1):
        write_json(place / f"{number:02d}.json", nested(trial.settings))
        kept = files / f"{trial.index:04d}.srn"
        if kept.exists():
            shutil.copyfile(kept, place / f"{number:02d}.srn")
    if last and files.exists():
        # Files of the front stay, for a search that goes on later.
        on_front = {f"{trial.index:04d}.srn" for trial in front}
        for file in files.glob("*.srn"):
            if file.name not in on_front:
                file.unlink()
