"""The environment variables with which a ParaView runs the plugin, and files that set them."""

from __future__ import annotations

import json
import os
import shlex
from typing import Any, Callable, Mapping

from srn_core import atomic
from srn_core.errors import SrnInputError
from srn_core.paraviews.packages import Packages
from srn_core.paraviews.versions import numbers

Writer = Callable[[Mapping[str, Any], Mapping[str, str]], str]

EXTENDED = ("PV_PLUGIN_PATH", "PYTHONPATH")
"""Variables that may name more than one folder: what they hold already is kept, behind ours."""


def needs_mend(paraview: Mapping[str, Any]) -> bool:
    """True for ParaView before 5.12 on Python 3.11 or later: it uses inspect.getargspec, which is gone."""
    return numbers(paraview.get("version")) < (5, 12) and numbers(paraview.get("python")) >= (3, 11)


def variables(paraview: Mapping[str, Any], packages: Packages) -> dict[str, str]:
    """The variables of :func:`environment`, by name, with our part alone."""
    found = {"SRN_SITE_PACKAGES": packages.site}
    if packages.plugin:
        found["PV_PLUGIN_PATH"] = os.path.dirname(packages.plugin)
    if needs_mend(paraview) and packages.start:
        found["PYTHONPATH"] = packages.start
    return found


def environment(ours: Mapping[str, str]) -> dict[str, str]:
    """This process' environment with these variables: :data:`EXTENDED` ones put before what is there, others set."""
    known = dict(os.environ)
    for name, value in ours.items():
        before = known.get(name) if name in EXTENDED else None
        parts = [value, *(p for p in (before or "").split(os.pathsep) if p and p != value)]
        known[name] = os.pathsep.join(parts)
    return known


def write(path: str, paraview: Mapping[str, Any], ours: Mapping[str, str]) -> None:
    """Write a file that sets the variables: ``.sh`` for a shell to read, ``.bat`` to call, ``.json`` for programs.

    Raises SrnInputError for another ending, or where the file cannot be written.
    """
    atomic.write_bytes(path, writer(path)(paraview, ours).encode("utf-8"))


def writer(path: str) -> Writer:
    """What writes such a file. Raises SrnInputError for an ending that is none of :data:`WRITERS`."""
    found = WRITERS.get(os.path.splitext(path)[1].lower())
    if found is None:
        raise SrnInputError(f"--write: {path} must end in {', '.join(WRITERS)}")
    return found


def _title(paraview: Mapping[str, Any]) -> str:
    return f"SRN for ParaView {paraview.get('version')} ({paraview.get('pvpython')}), by srn doctor"


def _shell(paraview: Mapping[str, Any], ours: Mapping[str, str]) -> str:
    lines = [f"# {_title(paraview)}", "# Read it into a shell before ParaView starts:  . ./this-file.sh"]
    for name, value in ours.items():
        more = f'"${{{name}:+:${name}}}"' if name in EXTENDED else ""
        lines.append(f"export {name}={shlex.quote(value)}{more}")
    return "\n".join(lines) + "\n"


def _batch(paraview: Mapping[str, Any], ours: Mapping[str, str]) -> str:
    lines = ["@echo off", f"rem {_title(paraview)}", "rem Before ParaView starts:  call this-file.bat"]
    for name, value in ours.items():
        if name in EXTENDED:
            lines.append(f'if defined {name} (set "{name}={value};%{name}%") else (set "{name}={value}")')
        else:
            lines.append(f'set "{name}={value}"')
    return "\r\n".join(lines) + "\r\n"


def _json(paraview: Mapping[str, Any], ours: Mapping[str, str]) -> str:
    return json.dumps({"paraview": dict(paraview), "environment": dict(ours)}, indent=2) + "\n"


WRITERS: dict[str, Writer] = {
    ".sh": _shell,
    ".bat": _batch,
    ".cmd": _batch,
    ".json": _json,
}
"""What writes the variables, by the ending of the file."""
