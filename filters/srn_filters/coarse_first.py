"""A coarse grid at once, and all of it when the window has nothing else to do."""

from __future__ import annotations

from typing import Any

from srn_filters.algorithm import NeuralAlgorithm, setting


class CoarseFirst(NeuralAlgorithm):
    """A setting that asks for two passes: after each change of a setting first few samples, then all.

    What reads the pipeline in between gets the coarse grid. So it is off by default, a change of the time step alone is
    one pass, and where nobody would ask a second time (in scripts, on servers) there is one pass too. Who has a window
    overrides ``has_window`` and ``refine_when_idle``.
    """

    _coarse_first = False
    _whole_since = 0
    """Modification time for which all samples are asked for."""

    SetCoarseFirst = setting("_coarse_first", bool)

    @property
    def coarse(self) -> bool:
        """Whether this is the first pass."""
        return self._coarse_first and self.GetMTime() != self._whole_since and self.has_window()

    def has_window(self) -> bool:
        """Whether ``refine_when_idle`` will have ``refine`` called."""
        return False

    def refine_when_idle(self) -> None:
        """See to it that ``refine`` is called, and the pipeline brought up to date, soon."""
        raise NotImplementedError

    def refine(self) -> None:
        """From now on all samples, until a setting changes."""
        self.Modified()
        self._whole_since = self.GetMTime()

    def RequestData(self, request: Any, inInfo: Any, outInfo: Any) -> int:
        """Called by VTK: runs ``execute``."""
        coarse = self.coarse
        done = super().RequestData(request, inInfo, outInfo)
        if not coarse:
            self._whole_since = self.GetMTime()  # clearing an abort modifies
        return done
