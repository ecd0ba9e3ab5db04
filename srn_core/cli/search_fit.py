"""``srn search-fit``: what searches have found, made into a predictor that compressions start from."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from srn_core.cli import output

EPILOG = """\
examples:
  srn search-fit found found-too
  srn search-fit found --out flow.json
  srn compress flow.nc flow.srn --pruner smallify --ratio 200 --set predictor=flow.json

Without --out the result becomes your own predictor, which every compression then starts from, on the command line, in
Python and in ParaView; --set predictor=shipped takes the product's once, and removing the file for good. What was
not searched (other networks and pruners, sizes of other volumes) is taken over from the product's.
"""


def add(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser(
        "search-fit",
        help="let compressions start from what searches found",
        description="Fit a predictor of settings and sizes to finished searches (srn search).",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("folders", nargs="+", metavar="FOLDER", help="the --out of a finished search")
    command.add_argument("--out", metavar="FILE.json", help="where it goes (default: your own predictor)")
    command.add_argument("--alone", action="store_true", help="take nothing over from the product's predictor")
    command.add_argument("--json", action="store_true", help="print what was fitted as JSON")
    command.add_argument("--quiet", action="store_true", help="print nothing but errors")
    command.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Read, fit, write, report."""
    from srn_core.prediction.places import SHIPPED_FILE, own_file
    from srn_core.prediction.predictor import Predictor
    from srn_core.search import report
    from srn_core.search.fitting import fit_predictor

    results = [report.load(Path(folder)) for folder in given.folders]
    known = Predictor() if given.alone else Predictor.load(SHIPPED_FILE)
    made = fit_predictor(results, known)
    path = Path(given.out) if given.out else own_file()
    if not given.out:
        path.parent.mkdir(parents=True, exist_ok=True)
    made.save(path)
    told = _told(str(path), made)
    if given.json:
        output.print_json(told)
    elif not given.quiet:
        _print(told)
    return 0


def _told(path: str, made: Any) -> dict[str, Any]:
    rules = [
        {
            "network": rule.network,
            "pruner": rule.pruner,
            "ratios": list(rule.ratios),
            "r2": {name: round(found.r2, 4) for name, found in rule.settings.items()},
        }
        for rule in made.rules
    ]
    sizes = None if made.sizes is None else {"rms": round(made.sizes.rms, 4), "points": made.sizes.points}
    return {"out": path, "rules": rules, "sizes": sizes}


def _print(told: dict[str, Any]) -> None:
    table = [(told["out"], "")]
    for rule in told["rules"]:
        low, high = rule["ratios"]
        table.append((f"{rule['network']} {rule['pruner']}", f"ratios {low:.4g} to {high:.4g}"))
        table += [(f"  {name}", f"R^2 {r2:.2f}") for name, r2 in rule["r2"].items()]
    if told["sizes"]:
        table.append(("sizes", f"off by {100 * told['sizes']['rms']:.1f} % on {told['sizes']['points']} coded sizes"))
    output.print_table(table)
