"""All time steps of an input through one algorithm, one in memory at a time: VTK executes it again for each."""

from __future__ import annotations

from typing import Any, Callable, Optional, Sequence

from vtkmodules.vtkCommonDataModel import vtkDataObject
from vtkmodules.vtkCommonExecutionModel import vtkStreamingDemandDrivenPipeline as Pipeline

from srn_core.api import CompressResult
from srn_core.config import CompressConfig
from srn_core.errors import SrnInputError
from srn_core.mesh import Sampled
from srn_core.progress import Progress, ProgressCallback
from srn_core.series import Series
from srn_core.step_before import StepBefore
from srn_filters.finished import Extents

CURRENT, ALL = "current", "all"
"""The time step that is asked for alone, or all that the input announces, in one file."""

Before = Sequence[Optional[StepBefore]]
Compress = Callable[[Sequence[Sampled], CompressConfig, Optional[ProgressCallback], Before], CompressResult]


class Pass:
    """One pass over the time steps of an input.

    Usage: ``ask`` before each execution, ``take`` in it, until there is ``no more``.
    """

    def __init__(self, key: str, times: Sequence[float], config: CompressConfig) -> None:
        """``key``: of what the pass is made."""
        self.key, self.times = key, list(times)
        self.series = Series(len(self.times), config)
        self.extents: dict[float, Extents] = {}
        self._stopped = False

    @property
    def more(self) -> bool:
        """Whether there are steps to come."""
        return not self._stopped and len(self.extents) < len(self.times)

    def ask(self, in_info: Any) -> None:
        """Ask the input for the next step."""
        in_info.GetInformationObject(0).Set(Pipeline.UPDATE_TIME_STEP(), self.times[len(self.extents)])

    def skip(self) -> None:
        """The next step is another rank's work."""
        self.extents[self.times[len(self.extents)]] = ()

    def take(
        self, extents: Extents, volumes: Sequence[Sampled], compress: Compress, progress: ProgressCallback
    ) -> None:
        """Compress the next step, unless the user stops. Raises SrnInputError, which names the step."""
        time = self.times[len(self.extents)]

        def told(report: Progress) -> bool:
            self._stopped = self._stopped or progress(report) is False
            return not self._stopped

        try:
            volumes = self.series.timed(volumes, time)
            config, bare = self.series.settings(volumes)
            self.series.add(compress(bare, config, self.series.told(told), self.series.before(bare)), volumes)
        except SrnInputError as error:
            if self._stopped and self.series.results:
                return  # one that was stopped early need not keep to its promise; those before do
            raise SrnInputError(f"time step {len(self.extents) + 1} (time {time:g}): {error}") from error
        self.extents[time] = extents


def upstream_changed(algorithm: Any) -> int:
    """VTK's count of changes of all that comes before an algorithm; which time step is shown does not count."""
    source = algorithm.GetInputAlgorithm(0, 0)
    return 0 if source is None else int(source.GetExecutive().GetPipelineMTime())


def ask_for_what_is_there(in_info: Any) -> None:
    """Ask an input for the time step that it holds already: nothing is read for one that is not needed."""
    data = vtkDataObject.GetData(in_info, 0)
    if data is not None and data.GetInformation().Has(vtkDataObject.DATA_TIME_STEP()):
        time = data.GetInformation().Get(vtkDataObject.DATA_TIME_STEP())
        in_info.GetInformationObject(0).Set(Pipeline.UPDATE_TIME_STEP(), time)


def execute_again(request: Any, again: bool) -> None:
    """Have VTK execute the algorithm once more, or no more."""
    if again:
        request.Set(Pipeline.CONTINUE_EXECUTING(), 1)
    else:
        request.Remove(Pipeline.CONTINUE_EXECUTING())


def nearest(times: Sequence[float], time: Optional[float]) -> float:
    """The one of some times that is nearest to ``time``; the first one for None."""
    return times[0] if time is None else min(times, key=lambda known: abs(known - time))
