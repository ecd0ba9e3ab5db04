"""The journal of a search: one line of JSON for each finished trial, on the disk before the next one starts."""

from __future__ import annotations

import json
import os
from pathlib import Path

from srn_core.errors import SrnFormatError, SrnInputError
from srn_core.search.trial import Trial

NAME = "trials.jsonl"


class Journal:
    """Appends to a file of lines. A line that a kill cut off is dropped; all before it count."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME

    def read(self) -> list[Trial]:
        """All trials, in the order in which they ended. Raises SrnFormatError for a line that is no trial."""
        if not self.path.exists():
            return []
        lines = self.path.read_bytes().split(b"\n")
        trials = []
        for number, line in enumerate(lines[:-1], 1):  # what comes after the last end of line is no whole line
            try:
                trials.append(Trial.from_dict(json.loads(line)))
            except (ValueError, TypeError, RecursionError) as error:
                raise SrnFormatError(
                    f"line {number} of '{self.path}' is no trial; remove the line, or search into another folder"
                ) from error
        return trials

    def mend(self) -> None:
        """Cut off a line that has no end, so that the next one begins afresh."""
        if not self.path.exists():
            return
        data = self.path.read_bytes()
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            os.truncate(self.path, whole)

    def append(self, trial: Trial) -> None:
        """Write one trial down, for good. Raises SrnInputError where the disk does not take it."""
        line = json.dumps(trial.to_dict(), allow_nan=False).encode("utf-8") + b"\n"
        try:
            with open(self.path, "ab") as file:
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise SrnInputError(f"cannot write '{self.path}': {error.strerror or error}") from error
