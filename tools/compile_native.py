"""Compiles the loops in srn_core/native to a library beside them: a build hook of hatchling, and a script.

    python tools/compile_native.py

The library is for a processor and a system, not for one Python. Where there is no C compiler, or with SRN_NO_COMPILER=1
in the environment, the package is built without it; the product then does the same work with NumPy.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # srn_core.native needs no other package
from srn_core.native import FOLDER, file_name

SOURCES = {"contexts.c": [], "adaptive.c": [], "points.c": [], "transform.c": ["-ffp-contract=off"]}
"""Each with the flags of its own."""
FLAGS = ["-O3", "-fPIC", "-fvisibility=hidden"]


def compiler() -> list[str]:
    """The command of a C compiler; empty where there is none."""
    wanted = shlex.split(os.environ.get("CC", ""))
    for command in [wanted] if wanted else [["cc"], ["gcc"], ["clang"], ["cl"]]:
        if shutil.which(command[0]):
            return command
    return []


def compile_library(into: Path) -> str:
    """Make the library in the folder, whole or not at all: what went wrong, nothing if nothing did."""
    command = compiler()
    if os.environ.get("SRN_NO_COMPILER"):
        return "SRN_NO_COMPILER is set"
    if not command:
        return "no C compiler was found (cc, gcc, clang, cl, or what CC names)"
    with tempfile.TemporaryDirectory(prefix="srn-") as scratch:
        made = Path(scratch) / file_name()
        for step in _steps(command, made):
            try:
                done = subprocess.run(step, cwd=scratch, capture_output=True, text=True)
            except OSError as error:
                return f"{step[0]} does not run: {error}"
            if done.returncode:
                return f"{' '.join(step)} failed: {(done.stderr or done.stdout).strip()[-2000:]}"
        beside = into / (made.name + ".new")
        shutil.copyfile(made, beside)
        os.replace(beside, into / made.name)
    return ""


def _steps(command: list[str], made: Path) -> list[list[str]]:
    sources = {FOLDER / name: flags for name, flags in SOURCES.items()}
    if Path(command[0]).stem.lower() in ("cl", "clang-cl"):
        return [[*command, "/nologo", "/O2", "/LD", *map(str, sources), f"/Fe:{made}"]]
    objects = [made.with_name(source.stem + ".o") for source in sources]
    steps = [
        [*command, *FLAGS, *flags, "-c", str(source), "-o", str(object_)]
        for (source, flags), object_ in zip(sources.items(), objects)
    ]
    return [*steps, [*command, "-shared", *map(str, objects), "-o", str(made)]]


def platform_tag() -> str:
    """Of the wheel that holds the library."""
    return "py3-none-" + sysconfig.get_platform().replace("-", "_").replace(".", "_")


try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # run as a script
    pass
else:

    class CompiledLoops(BuildHookInterface):
        """Puts the library into the wheel, and beside the sources of an editable installation."""

        def initialize(self, version: str, build_data: dict) -> None:
            """Compile, or say why not."""
            if self.target_name != "wheel":
                return
            wrong = compile_library(FOLDER)
            if wrong:
                self.app.display_warning(f"without compiled loops, files open several times more slowly: {wrong}")
                (FOLDER / file_name()).unlink(missing_ok=True)
                return
            build_data["artifacts"].append(f"srn_core/native/{file_name()}")
            build_data["pure_python"] = False
            build_data["tag"] = platform_tag()


if __name__ == "__main__":
    problem = compile_library(FOLDER)
    if problem:
        sys.exit(f"error: {problem}")
    print(FOLDER / file_name())
