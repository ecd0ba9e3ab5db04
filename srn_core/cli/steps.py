"""The arguments that say which time steps are meant: files one after the other, patterns, all steps of an array."""

from __future__ import annotations

import argparse
import glob
import math
import os
import re
from typing import Any, Optional, Sequence, Union

from srn_core.cli import output, source
from srn_core.errors import SrnInputError
from srn_core.mesh import MeshArray, Sampled
from srn_core.parts import VolumeParts


class Steps(Sequence[Sampled]):
    """The time steps that the arguments mean, in their order; each is read whenever it is asked for.

    Raises SrnInputError where a file cannot be read at all: before hours of work, not after.
    """

    def __init__(self, paths: Sequence[str], given: argparse.Namespace) -> None:
        from srn_core.io import format_to_read, step_count

        self._given = given
        self._places: list[tuple[str, Optional[int]]] = []
        self.paths = expanded(paths)
        for path in self.paths:
            format_to_read(path)
        for path in self.paths:
            if given.step == source.ALL:
                self._places += [(path, step) for step in range(step_count(path, given.array))]
            else:
                self._places.append((path, given.step))

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, place: Any) -> Any:
        path, step = self._places[place]
        return source.read(path, self._given, step)

    def parts(self, place: int) -> Union[VolumeParts, MeshArray]:
        """A step that is read part by part, where its format lets it."""
        path, step = self._places[place]
        return source.parts(path, self._given, step)

    def names(self) -> list[str]:
        """A name for each: that of its file, with the number of the step where there are all of its steps.

        Raises SrnInputError where two have the same one.
        """
        every = self._given.step == source.ALL
        width = len(str(max((step or 0 for _, step in self._places), default=0)))
        names = [
            os.path.splitext(os.path.basename(path.rstrip("/\\")))[0] + (f"_{step:0{width}d}" if every else "")
            for path, step in self._places
        ]
        twice = next((name for place, name in enumerate(names) if name in names[:place]), None)
        if twice is not None:
            raise SrnInputError(f"two inputs are called '{twice}'; each file that is written needs a name of its own")
        return names


def expanded(names: Sequence[str]) -> list[str]:
    """The files that are meant: a pattern stands for those that match it, in the order of the numbers in their names.

    Raises SrnInputError for a pattern that nothing matches.
    """
    paths: list[str] = []
    for name in names:
        if os.path.exists(name) or not glob.has_magic(name):
            paths.append(name)
            continue
        found = sorted(glob.glob(name), key=_by_numbers)
        if not found:
            raise SrnInputError(f"no file matches '{name}'")
        paths += found
    if len(names) > 2 and paths == sorted(paths) != sorted(paths, key=_by_numbers):
        output.note(
            f"the steps are taken as they are given: '{paths[1]}' is the second. For the order of the numbers in their "
            "names, put the pattern in quotes"
        )
    return paths


def times_of(text: Optional[str]) -> Optional[list[float]]:
    """The times of the steps, from "0,0.5,1". Raises SrnInputError for what is no number."""
    if text is None:
        return None
    times: list[float] = []
    for part in text.split(","):
        try:
            times.append(float(part))
        except ValueError:
            times.append(math.nan)
        if not math.isfinite(times[-1]):
            raise SrnInputError(f"--times takes numbers with commas between them, as in 0,0.5,1; not '{part}'")
    return times


def files_for_each(folder: str, names: Sequence[str]) -> list[str]:
    """Where a file for each step goes. Raises SrnInputError where that is no folder, or one cannot be made."""
    if os.path.splitext(folder)[1].lower() == ".srn":
        raise SrnInputError(f"--each writes a file for each step: give the name of a folder, not '{folder}'")
    if os.path.exists(folder) and not os.path.isdir(folder):
        raise SrnInputError(f"'{folder}' is no folder; with --each the last argument names one")
    parent = folder if os.path.isdir(folder) else os.path.dirname(os.path.abspath(folder))
    if not os.path.isdir(parent):
        raise SrnInputError(f"the folder '{parent}' does not exist; make it first")
    if not os.access(parent, os.W_OK):
        raise SrnInputError(f"no permission to write in '{parent}'")
    return [os.path.join(folder, f"{name}.srn") for name in names]


def _by_numbers(name: str) -> list[Any]:
    """Sorts step_2 before step_10."""
    return [int(part) if place % 2 else part for place, part in enumerate(re.split(r"(\d+)", name))]
