"""``srn doctor``: what this machine has, and how to load the plugin."""

from __future__ import annotations

import argparse
import sys
from typing import Any, Sequence

from srn_core.cli import output
from srn_core.errors import SrnInputError

NOT_COMPILED = "no: files open and compress more slowly (docs/troubleshooting.md)"
PURPOSES = {
    "decode": "packages for decoding",
    "train": "packages for compressing",
    "files": "packages for file formats",
}


def add(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser(
        "doctor",
        help="what this machine has, and how to load the plugin",
        description=(
            "Look for ParaView and its Python, torch and CUDA, ONNX Runtime and its providers and the plugin file, "
            "and print the exact lines that load the plugin. Changes nothing."
        ),
    )
    command.add_argument(
        "--paraview",
        metavar="PATH",
        help="examine this ParaView alone (its folder, its .app or its pvpython): try there whether the plugin loads "
        "and the packages fit, and print the environment it needs",
    )
    command.add_argument(
        "--packages",
        metavar="FOLDER",
        help="with --paraview: a virtual environment or a folder of pip install --target that has the packages; "
        "default: those of this Python",
    )
    command.add_argument(
        "--write",
        metavar="FILE",
        help="with --paraview: write the environment, too: .sh for a shell, .bat for Windows, .json for programs",
    )
    command.add_argument("--json", action="store_true", help="print JSON")
    command.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Examine and print."""
    if given.paraview is not None:
        return _run_for_one(given)
    for option, value in (("--packages", given.packages), ("--write", given.write)):
        if value is not None:
            raise SrnInputError(f"{option} belongs to one ParaView: add --paraview PATH")
    from srn_core.doctor import examine

    report = examine()
    if given.json:
        output.print_json(report)
        return 0
    output.print_table(_rows(report))
    ways = report["load"]
    if ways:
        sys.stdout.write("load the plugin\n")
        sys.stdout.write("  the short way:\n    srn paraview\n")
        sys.stdout.write(f"  in the window:\n    {ways['gui']}\n    then {ways['menu']}\n")
        sys.stdout.write(f"  at each start:\n    {ways['environment']}\n")
        sys.stdout.write(f"  in pvpython:\n    {ways['pvpython']}\n")
    _print_problems(report["problems"])
    return 0


def _run_for_one(given: argparse.Namespace) -> int:
    from srn_core.doctor import examine_paraview
    from srn_core.paraviews.environment import write, writer

    if given.write is not None:
        writer(given.write)
    report = examine_paraview(given.paraview, given.packages)
    if given.json:
        output.print_json(report)
    else:
        output.print_table(_rows_of_one(report))
        if report["environment"]:
            sys.stdout.write("environment\n")
            sys.stdout.writelines(f"  {name}={value}\n" for name, value in report["environment"].items())
        _print_problems(report["problems"])
    if given.write is not None:
        if not report["fits"]:
            raise SrnInputError(f"{given.write} was not written, for the plugin does not work in this ParaView yet")
        write(given.write, report["paraview"], report["environment"])
    return 0


def _print_problems(problems: Sequence[str]) -> None:
    sys.stdout.write("problems\n" if problems else "no problems found\n")
    sys.stdout.writelines(f"  - {problem}\n" for problem in problems)


def _rows_of_one(report: dict[str, Any]) -> list[tuple[str, str]]:
    paraview = report["paraview"]
    rows = [(f"ParaView {paraview.get('version', '')}".strip(), "")]
    rows += list(paraview["programs"].items())
    if "error" in paraview:
        return rows
    rows.append(("Python", paraview["python"]))
    rows.append(("NumPy", paraview["numpy"] or "none"))
    rows.append(("MPI", "yes" if paraview["mpi"] else "no"))
    rows.append((f"SRN for ParaView {report['srn']}", ""))
    rows.append(("packages", report["packages"]))
    rows.append(("plugin file", report["plugin"] or "not found"))
    modules = (report["fit"] or {}).get("modules")
    if modules:
        rows.append(("plugin", "loads" if report["fit"]["loads"] else "does not load"))
        rows.append(("imported there", ""))
        rows += [(name, one.get("error") or one["version"] or "yes") for name, one in modules.items()]
    return rows


def _rows(report: dict[str, Any]) -> list[tuple[str, str]]:
    rows = [
        (f"SRN for ParaView {report['srn']}", ""),
        ("system", report["system"]),
        ("Python", f"{report['python']['version']} ({report['python']['executable']})"),
        ("plugin file", report["plugin"] or "not found"),
        ("compiled loops", "yes" if report["compiled"] else NOT_COMPILED),
        ("ParaView", ""),
    ]
    for found in report["paraview"]:
        said = found.get("error") or f"{found['version']}, Python {found['python']}, NumPy {found['numpy'] or 'none'}"
        rows.append((found["pvpython"], said))
    if not report["paraview"]:
        rows.append(("pvpython", "not found"))
    for purpose, packages in report["packages"].items():
        rows.append((PURPOSES[purpose], ""))
        rows += [(name, version or "-") for name, version in packages.items()]
    torch, runtime = report["torch"], report["onnxruntime"]
    rows.append(("devices", ""))
    rows.append(("torch", torch.get("error") or (", ".join(torch["cuda"]) or "CPU only")))
    rows.append(("ONNX Runtime", runtime.get("error") or ", ".join(runtime["providers"])))
    return rows
