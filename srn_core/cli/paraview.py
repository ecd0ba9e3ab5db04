"""``srn paraview``, ``srn pvpython``, ``srn pvbatch``, ``srn pvserver``: ParaView, with the plugin loaded."""

from __future__ import annotations

import argparse
from typing import Any

from srn_core.errors import SrnInputError

ABOUT = {
    "paraview": "the window of ParaView, with the plugin loaded",
    "pvpython": "a script or a prompt in ParaView's Python, with the plugin loaded",
    "pvbatch": "a script in ParaView's batch program, with the plugin loaded",
    "pvserver": "ParaView's server, with the plugin loaded",
}

OWN = ("--paraview", "--packages")
"""Options of ours, which stand before those of the program."""

_DESCRIPTION = """\
Start {program} with the environment that `srn doctor --paraview` prints. The arguments go to it as they are, and its
exit code is the command's. Options of this command come first:

  --paraview PATH    which ParaView: its folder, its .app or its pvpython; default: the first one found that can use
                     the packages installed here ($PVPYTHON, PATH, the usual places)
  --packages FOLDER  where the packages are: a virtual environment or a folder of pip install --target; default: with
                     this Python
  --help             this text; that of {program} itself: srn {program} -- --help
"""


def add(commands: Any) -> None:
    """Add the commands."""
    for program, about in ABOUT.items():
        command = commands.add_parser(
            program,
            help=about,
            usage=f"srn {program} [--paraview PATH] [--packages FOLDER] [ARGUMENTS ...]",
            description=_DESCRIPTION.format(program=program),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            prefix_chars="\0",  # no argument of the program's is an option of ours
            add_help=False,
        )
        command.add_argument("arguments", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
        command.set_defaults(run=run, program=program, print_help=command.print_help)


def run(given: argparse.Namespace) -> int:
    """Split the options off, and start."""
    own, arguments = split(given.arguments)
    if "--help" in own:
        given.print_help()
        return 0
    from srn_core.paraviews.start import start

    start(given.program, arguments, own.get("--paraview"), own.get("--packages"))


def split(arguments: list[str]) -> tuple[dict[str, str], list[str]]:
    """Our options with their values, and what is the program's. Raises SrnInputError for an option without value."""
    own: dict[str, str] = {}
    rest = list(arguments)
    while rest:
        name, equals, value = rest[0].partition("=")
        if rest[0] in ("-h", "--help"):
            return {"--help": ""}, []
        if name not in OWN:
            break
        del rest[0]
        if not equals:
            if not rest:
                raise SrnInputError(f"{name} needs a path")
            value = rest.pop(0)
        own[name] = value
    return own, rest[1:] if rest[:1] == ["--"] else rest
