"""The ``srn`` command. Exit codes: 0 done, 2 bad input (one line says why), 130 stopped by Ctrl-C."""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from typing import NoReturn, Optional, Sequence

from srn_core.cli import (
    compress,
    decompress,
    doctor,
    evaluate,
    export,
    info,
    paraview,
    search,
    search_compare,
    search_fit,
    search_report,
)
from srn_core.errors import SrnError, SrnStoppedError
from srn_core.version import __version__

COMMANDS = (
    compress,
    info,
    evaluate,
    decompress,
    export,
    search,
    search_report,
    search_compare,
    search_fit,
    doctor,
    paraview,
)

EPILOG = """\
first steps:
  srn compress hurricane.vti hurricane.srn --ratio 100     a file a hundredth of the size
  srn evaluate hurricane.srn hurricane.vti                 how close the decoded field is
  srn decompress hurricane.srn back.vti --scale 2          back as a volume, twice as fine
  srn doctor                                               what is installed, how to load the plugin
  srn paraview                                             ParaView with the plugin loaded
"""


class _Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and where help is, and leave with 2."""
        sys.stderr.write(f"srn: error: {message} (help: {self.prog} --help)\n")
        raise SystemExit(2)


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = _Parser(
        prog="srn",
        description="Volumes as small neural files (.srn), and back at any resolution.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"srn {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add(commands)
    return top


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Run one command; gives the exit code."""
    top = parser()
    given, further = top.parse_known_args(arguments)
    if further and hasattr(given, "files") and not any(word.startswith("-") for word in further):
        given.files += further  # argparse itself takes files of any number only where they stand together
    elif further:
        top.error(f"unrecognized arguments: {' '.join(further)}")
    warnings.showwarning = _show_warning  # type: ignore[assignment]
    try:
        code: int = given.run(given)
        sys.stdout.flush()
        return code
    except SrnStoppedError as error:
        return _fail(str(error) or "stopped", 130)
    except SrnError as error:
        return _fail(str(error), 2)
    except KeyboardInterrupt:
        return _fail("stopped by Ctrl-C; nothing was written", 130)
    except BrokenPipeError:  # the reader of a pipe, such as head, has left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except MemoryError:
        return _fail("the memory of this machine is not enough for this", 2)
    except OSError as error:
        return _fail(str(error), 2)


def _fail(message: str, code: int) -> int:
    sys.stderr.write(f"srn: error: {' '.join(message.split())}\n")
    return code


def _show_warning(message: Warning, category: type, *_: object, **__: object) -> None:
    if category.__name__ == "GridNote":
        sys.stderr.write(f"srn: note: {message}\n")
