"""What every algorithm here shares: settings that ParaView pushes, errors in one line, progress and abort."""

from __future__ import annotations

import traceback
from dataclasses import replace
from typing import Any, Callable, Optional, Sequence

from vtkmodules.util.vtkAlgorithm import VTKPythonAlgorithmBase
from vtkmodules.vtkCommonCore import vtkOutputWindow
from vtkmodules.vtkCommonDataModel import vtkDataObject

from srn_core.deadline import clock
from srn_core.errors import SrnError, SrnMissingPackageError
from srn_core.progress import Progress, ProgressCallback
from srn_filters import packages


def setting(attribute: str, convert: Callable[..., Any] = lambda value: value) -> Callable[..., None]:
    """A Set method that stores ``convert(values)`` and marks the algorithm as modified where that changes anything."""

    def set_value(self: NeuralAlgorithm, *values: Any) -> None:
        value = convert(*values)
        if getattr(self, attribute) != value:
            setattr(self, attribute, value)
            self.Modified()

    return set_value


def text(value: Optional[str]) -> str:
    """A text from a panel: ParaView hands over an empty one as None."""
    return (value or "").strip()


class NeuralAlgorithm(VTKPythonAlgorithmBase):
    """A VTK algorithm whose ``execute`` may raise: the user sees one line, and an empty output.

    RequestData gives 1 even then: 0 would add VTK's own lines on the failed request to ours. VTK asks anew for an empty
    output at each rendering, so the same line is shown once only, until a setting changes.
    """

    label = "Neural"
    needs: Sequence[str] = packages.DECODING
    _shown: tuple[int, str] = (0, "")

    def execute(self, in_info: Any, out_info: Any) -> None:
        """The work of RequestData."""
        raise NotImplementedError

    def needed(self) -> Sequence[str]:
        """The packages without which ``execute`` cannot do what is asked for."""
        return self.needs

    def RequestData(self, request: Any, inInfo: Any, outInfo: Any) -> int:
        """Called by VTK: runs ``execute``."""
        self._clear_abort()
        try:
            packages.require(self.needed(), self.label)
            self.execute(inInfo, outInfo)
        except Exception as error:
            for port in range(self.GetNumberOfOutputPorts()):
                vtkDataObject.GetData(outInfo, port).Initialize()
            self._clear_abort()
            message = self.explain(error)
            if self._shown != (self.GetMTime(), message):
                self._shown = (self.GetMTime(), message)
                self.failed(message)
        else:
            self._shown = (0, "")
            self._clear_abort()
        return 1

    def explain(self, error: Exception) -> str:
        """One line for the user; the whole traceback only for what we did not foresee."""
        if isinstance(error, ImportError) and not isinstance(error, SrnError):
            module = (error.name or "").split(".")[0] or "srn_core"
            return packages.missing_line([module], self.label, reason=str(error))
        if isinstance(error, SrnMissingPackageError):
            return packages.missing_line([error.package], self.label)
        if isinstance(error, MemoryError):
            return f"{self.label}: not enough memory; ask for fewer samples (dims, scale or region), or a smaller batch"
        if isinstance(error, (SrnError, OSError)):
            message = str(error)
            return message if message.startswith(self.label) else f"{self.label}: {message}"
        return f"{self.label}: unforeseen error, please report it.\n{traceback.format_exc()}"

    def failed(self, message: str) -> None:
        """Show an error where ParaView shows VTK's: the message window, or the terminal of pvpython."""
        vtkOutputWindow.GetInstance().DisplayErrorText(f"ERROR: {message}\n")

    def progress(
        self, first: float = 0.0, last: float = 1.0, stoppable: bool = True, expected: Optional[float] = None
    ) -> ProgressCallback:
        """A callback that shows the share ``first``..``last`` of this algorithm's progress, and stops on abort.

        ``expected``: seconds that it may take, which are counted down where the job cannot tell itself.
        """
        began = clock()

        def show(report: Progress) -> bool:
            if report.eta_seconds is None and expected is not None and report.fraction < 1.0:
                report = replace(report, eta_seconds=max(expected - (clock() - began), 1.0))
            self.SetProgressText(progress_text(report))
            self.UpdateProgress(first + (last - first) * min(max(report.fraction, 0.0), 1.0))
            return not self.aborted() or not stoppable

        return show

    def aborted(self) -> bool:
        """True once for each time the user asked to stop: what was under way ends, what comes after it goes on."""
        stop = bool(self.GetAbortExecute())
        if hasattr(self, "CheckAbort"):  # from ParaView 5.11 on; also sees an abort further down the pipeline
            self.CheckAbort()
            stop = stop or bool(self.GetAbortOutput())
        if stop:
            self._clear_abort()
        return stop

    def _clear_abort(self) -> None:
        # The flags outlive the run they were meant for, and AbortOutput makes the executive empty the outputs.
        if self.GetAbortExecute():
            self.SetAbortExecute(0)
        if hasattr(self, "SetAbortOutput") and self.GetAbortOutput():
            self.SetAbortOutput(False)


def progress_text(report: Progress) -> str:
    """A report as one short line, as in "pruning, PSNR about 36.1 dB, 1:20 left"."""
    parts = [report.phase]
    if report.psnr is not None:
        parts.append(f"PSNR about {report.psnr:.1f} dB")
    if report.eta_seconds is not None:
        minutes, seconds = divmod(int(report.eta_seconds + 0.5), 60)
        parts.append(f"{minutes}:{seconds:02d} left")
    return ", ".join(parts)
