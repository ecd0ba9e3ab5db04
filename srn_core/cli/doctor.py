"""``srn doctor``: what this machine has, and how to load the plugin."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from srn_core.cli import output

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
    command.add_argument("--json", action="store_true", help="print JSON")
    command.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Examine and print."""
    from srn_core.doctor import examine

    report = examine()
    if given.json:
        output.print_json(report)
        return 0
    output.print_table(_rows(report))
    ways = report["load"]
    if ways:
        sys.stdout.write("load the plugin\n")
        sys.stdout.write(f"  in the window:\n    {ways['gui']}\n    then {ways['menu']}\n")
        sys.stdout.write(f"  at each start:\n    {ways['environment']}\n")
        sys.stdout.write(f"  in pvpython:\n    {ways['pvpython']}\n")
    sys.stdout.write("problems\n" if report["problems"] else "no problems found\n")
    for problem in report["problems"]:
        sys.stdout.write(f"  - {problem}\n")
    return 0


def _rows(report: dict[str, Any]) -> list[tuple[str, str]]:
    rows = [
        (f"SRN for ParaView {report['srn']}", ""),
        ("system", report["system"]),
        ("Python", f"{report['python']['version']} ({report['python']['executable']})"),
        ("plugin file", report["plugin"] or "not found"),
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
