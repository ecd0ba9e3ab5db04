"""The reader of .srn files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional, Sequence

from vtkmodules.vtkCommonCore import vtkCommand, vtkDataArraySelection

from srn_core.errors import SrnError, SrnInputError
from srn_filters import carrier
from srn_filters.algorithm import setting, text
from srn_filters.decoded_grid import Fineness
from srn_filters.decoding import DecodingAlgorithm, LastRead

if TYPE_CHECKING:
    from srn_core.codec.field import NeuralField


class SrnReader(DecodingAlgorithm):
    """One .srn file, or a series with one file for each time step.

    The time of a step is the one in the file; the steps of a series whose files know none are numbered from 0.
    """

    label = "SRN Reader"
    on_meshes = True

    def __init__(self) -> None:
        super().__init__(inputs=0)
        self._names: list[str] = []
        self._steps: list[tuple[float, str]] = []
        self._read = LastRead()
        self._selection = vtkDataArraySelection()
        self._selection.AddObserver(vtkCommand.ModifiedEvent, lambda *_: self.Modified())
        self._scale = 1.0

    SetScale = setting("_scale", float)

    def AddFileName(self, name: Optional[str]) -> None:
        """One more file of the series."""
        if text(name):
            self._names.append(text(name))
            self._forget()

    def ClearFileNames(self) -> None:
        """No files."""
        self._names = []
        self._forget()

    def _forget(self) -> None:
        self._steps = []
        self.Modified()

    def CanReadFile(self, name: str) -> int:
        """1 for what begins as a .srn file begins; ParaView asks this before it offers the reader."""
        from srn_core.codec.container import MAGIC

        try:
            with open(name, "rb") as stream:
                return int(stream.read(len(MAGIC)) == MAGIC)
        except OSError:
            return 0

    def GetArraySelection(self) -> vtkDataArraySelection:
        """Which arrays are decoded."""
        return self._selection

    def GetTimestepValues(self) -> Optional[list[float]]:
        """The time steps for ParaView's animation; None where the files know no time."""
        try:
            return self.times() or None
        except (SrnError, OSError, ImportError):
            return None

    def times(self) -> list[float]:
        """Of all files; empty for a single file that knows none."""
        return sorted({time for time, _ in self._all_steps()})

    def find_content(self, time: Optional[float]) -> bytes:
        """The bytes of the file whose time is nearest."""
        if not self._names:
            raise SrnInputError("no file is named; give the names of .srn files")
        steps = self._all_steps()
        if not steps:
            return self._read.content(self._names[0])
        wanted = steps[0][0] if time is None else time
        return self._read.content(min(steps, key=lambda step: abs(step[0] - wanted))[1])

    def fields(self, time: Optional[float]) -> Sequence[NeuralField]:
        """Those that are ticked; arrays that are seen first are ticked."""
        fields = carrier.fields_at(self.file(time), time)
        for field in fields:
            if not self._selection.ArrayExists(field.name):
                self._selection.AddArray(field.name, True)
        return [f for f in fields if self._selection.ArrayIsEnabled(f.name)]

    def fineness(self) -> Fineness:
        """The original grid times Scale."""
        return Fineness(scale=self._scale)

    def _all_steps(self) -> list[tuple[float, str]]:
        if not self._steps:
            series = len(self._names) > 1
            for number, name in enumerate(self._names):
                known = carrier.times(self.open_file(self._read.content(name)))
                self._steps += [(time, name) for time in known or ([float(number)] if series else [])]
        return self._steps
