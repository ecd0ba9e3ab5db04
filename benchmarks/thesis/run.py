"""The thesis' experiments (Bussler 2023, chapter 5), each as a table and a picture.

    python benchmarks/thesis/run.py pruning wavelet --budget cpu --volumes mhd_p_128.vti --resume
    python benchmarks/thesis/run.py all --budget tiny              (seconds, on a volume made on the spot)
    python benchmarks/thesis/run.py all --plot-only --out FOLDER   (pictures of what has been measured)

Every compression is a row of runs.csv in the folder --out, under its volume and settings; each experiment's table,
NAME.csv, is a view of those rows, and NAME.png a picture of the table. Experiments share runs: one that has been made
in the same call, or with --resume in an earlier one, is not made again. A run that fails is a row with its error, and
the others go on. Rows of other volumes, passes and seeds stay in the tables, and the pictures keep them apart.
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path
from typing import Optional, Sequence

from experiments import EXPERIMENTS, Experiment
from experiments.base import NETWORKS, PRUNERS
from experiments.budget import BUDGETS, Choice, tiny_volume
from experiments.drawing import grouped, numbers, with_spread
from experiments.runs import Runs, Subject
from experiments.table import Row, Table

from srn_core import atomic
from srn_core.config import DEVICES
from srn_core.errors import SrnError, SrnInputError


def measure(experiment: Experiment, runs: Runs, subject: Subject) -> None:
    """Make the runs of one volume; those that are made come into the experiment's table, even if it is cut short."""
    table = Table(runs.table.path.with_name(f"{experiment.name}.csv"), experiment.columns)
    rows = experiment.others(subject.label)
    try:
        for settings in experiment.plan():
            rows.append(experiment.row(runs.row(subject, settings)))
    finally:
        table.put(rows)


def draw(experiment: Experiment, folder: Path) -> Path:
    """The picture of an experiment's table, drawn from the table alone."""
    rows = read(experiment, folder)
    figure = experiment.draw(rows)
    path = folder / f"{experiment.name}.png"
    with atomic.atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=150)
    return path


def read(experiment: Experiment, folder: Path) -> list[Row]:
    """The rows of an experiment's table. Raises SrnInputError where there is none."""
    path = folder / f"{experiment.name}.csv"
    if not path.exists():
        raise SrnInputError(f"there is no '{path}' to draw; run the experiment first")
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def markdown(experiment: Experiment, rows: Sequence[Row]) -> str:
    """Means and standard deviations over the seeds."""
    columns = ("volume", *experiment.subjects, "passes", "ratio_asked")
    lines = [f"| {' | '.join((*columns, *experiment.summed, 'runs'))} |"]
    lines.append("|" + "---|" * len(columns) + "---:|" * (len(experiment.summed) + 1))
    for key, found in grouped([row for row in rows if row["psnr"]], *columns).items():
        figures = [with_spread(numbers(found, name)) for name in experiment.summed]
        lines.append(f"| {' | '.join((*key, *figures, str(len(found))))} |")
    return "\n".join(lines)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    titles = "\n".join(f"  {name:16s} {experiment.title}" for name, experiment in EXPERIMENTS.items())
    described = f"{__doc__}\nexperiments:\n{titles}"
    made = argparse.ArgumentParser(description=described, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("experiments", nargs="+", choices=[*EXPERIMENTS, "all"], metavar="EXPERIMENT")
    made.add_argument(
        "--budget", choices=BUDGETS, default="cpu", help="passes of training; tiny: a test (default: cpu)"
    )
    made.add_argument("--volumes", nargs="+", metavar="PATH[:array]", default=[])
    made.add_argument("--seeds", type=int, help="how many, from 0 on (default: the experiment's)")
    made.add_argument("--passes", type=float, help="instead of the budget's, for both networks")
    made.add_argument("--ratios", nargs="+", type=float, help="instead of the experiment's")
    made.add_argument("--networks", nargs="+", choices=NETWORKS, help="of the experiment's, only these")
    made.add_argument("--pruners", nargs="+", choices=PRUNERS, help="of the experiment's, only these")
    made.add_argument("--bits", nargs="+", type=int, help="instead of those that the experiment 'bits' has")
    made.add_argument("--lambda-entropy", type=float, help="weight in the experiment 'entropy' (default: 1)")
    made.add_argument("--device", choices=DEVICES, default="auto")
    made.add_argument("--out", type=Path, metavar="FOLDER", help="default: results/BUDGET beside this script")
    made.add_argument("--resume", action="store_true", help="leave finished runs of earlier calls as they are")
    made.add_argument("--keep-files", action="store_true", help="keep the neural files, in FOLDER/files")
    made.add_argument("--plot-only", action="store_true", help="run nothing, draw the tables that are there")
    made.add_argument("--markdown", action="store_true", help="print means and standard deviations over the seeds")
    return made


def subjects_of(given: argparse.Namespace) -> list[Subject]:
    """The volumes. Raises SrnInputError where none is given and the budget has none of its own."""
    if given.plot_only:
        return []
    if given.volumes:
        return [Subject.read(text) for text in given.volumes]
    if given.budget != "tiny":
        raise SrnInputError(f"the budget '{given.budget}' needs --volumes")
    volume = tiny_volume()
    return [Subject.of(volume.name, volume)]


def checked(given: argparse.Namespace) -> None:
    """Raises SrnInputError for numbers that make no sense, before anything is run."""
    for name in ("seeds", "passes"):
        if getattr(given, name) is not None and getattr(given, name) <= 0:
            raise SrnInputError(f"--{name} must be more than 0")
    if any(ratio <= 0 for ratio in given.ratios or ()):
        raise SrnInputError("--ratios must be more than 0")


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Exit code: 0, 1 where a run failed, 2 for what cannot be used, 130 after Ctrl-C."""
    given = parser().parse_args(arguments)
    folder = given.out or Path(__file__).with_name("results") / given.budget
    names = list(EXPERIMENTS) if "all" in given.experiments else list(dict.fromkeys(given.experiments))
    options = ("passes", "seeds", "ratios", "networks", "pruners", "bits", "lambda_entropy")
    choice = Choice(BUDGETS[given.budget], **{name: getattr(given, name) for name in options})
    failed = False
    try:
        checked(given)
        subjects = subjects_of(given)
        if subjects:
            folder.mkdir(parents=True, exist_ok=True)
        runs = Runs(folder, given.resume, given.device, given.keep_files)
        for name in names:
            experiment = EXPERIMENTS[name](choice)
            for subject in subjects:
                measure(experiment, runs, subject)
            rows = read(experiment, folder)
            failed |= any(row["error"] and row["seed"] for row in rows)
            print(draw(experiment, folder))
            if given.markdown:
                print(f"\n{experiment.title}\n\n{markdown(experiment, rows)}\n")
    except SrnError as error:
        print(f"thesis: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"thesis: stopped; finished runs are in {folder} (go on with --resume)", file=sys.stderr)
        return 130
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
