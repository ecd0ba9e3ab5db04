"""Neural Compress: trains networks on arrays of a grid or a mesh and gives the fields back from the file it made."""

from __future__ import annotations

import re
from typing import Any, Callable, Mapping, Optional, Sequence

from vtkmodules.vtkCommonDataModel import vtkDataObject, vtkImageData, vtkMultiBlockDataSet, vtkTable

import srn_core
from srn_core.api import CompressResult
from srn_core.config import CompressConfig, by_rate
from srn_core.deadline import clock
from srn_core.errors import SrnError, SrnInputError
from srn_core.idle_settings import refuse_idle_settings
from srn_core.in_bricks.team import Team
from srn_core.mesh import Sampled
from srn_core.neural_file import NeuralFile
from srn_core.parts import VolumeParts
from srn_core.progress import ProgressCallback
from srn_core.promise import promise_of, promise_of_all
from srn_core.step_before import StepBefore
from srn_core.volume import Volume
from srn_filters import (
    blocks,
    carrier,
    compress_ranks,
    compress_streamed,
    estimate,
    over_time,
    packages,
    ranks,
    requests,
    vtk_bridge,
)
from srn_filters.algorithm import setting, text
from srn_filters.chosen_arrays import DROP, ChosenArrays, extents_of, parts_in
from srn_filters.decoded_steps import SHARED
from srn_filters.finished import FINISHED, Finished, Made
from srn_filters.given_back import decoded
from srn_filters.mesh_bridge import MESHES
from srn_filters.mesh_estimate import RoughMeshes
from srn_filters.opening import OpeningAlgorithm
from srn_filters.panel import PANEL, WithPanel, chosen, chosen_target
from srn_filters.report import readable
from srn_filters.training_key import training_key, values_digest

DEFAULT_LIMIT = 600.0
"""A panel's user waits, and before ParaView 6.1 cannot stop a job: unlike the library's, its seconds are bounded."""


class NeuralCompress(WithPanel, ChosenArrays, OpeningAlgorithm):
    """Input: a grid or a mesh, or blocks of these. Output 0: the same as the decoder gives it back; 1: the training
    history; 2: the histogram of the drop rates that the pruner learnt.

    Training runs once for the same values, geometry and settings (see :func:`training_key`), whatever the pipeline
    does.
    """

    label = "Neural Compress"

    def __init__(self) -> None:
        super().__init__(nInputPorts=1, inputType="vtkDataObject", nOutputPorts=3, outputType="vtkDataObject")
        self.remember_defaults()
        self.panel["TimeLimit"] = DEFAULT_LIMIT
        self._device = CompressConfig().device
        self._more = ""
        self.choose_all_by_default()
        self._rough = estimate.Rough()
        self._rough_meshes = RoughMeshes()
        self._time_steps = over_time.CURRENT
        self._pass: Optional[over_time.Pass] = None
        self._used: set[str] = set()
        self._stopped = Finished()
        self._refused: tuple[str, Exception] = ("", SrnError())
        self._report_text = ""
        self._on_ranks = compress_ranks.OnRanks()
        self._streamed = compress_streamed.Streamed()

    SetMoreSettings = setting("_more", text)
    SetTimeSteps = setting("_time_steps", text)

    def SetDevice(self, device: Optional[str]) -> None:
        """Where the next training runs. By itself no reason to train again, so the algorithm is not modified."""
        self._device = text(device) or "auto"

    def TrainAgain(self) -> None:
        """Forget what was made here; the next update makes it anew."""
        for key in self._used:
            FINISHED.forget(key)
        self._used.clear()
        self._stopped.clear()
        self._on_ranks.forget()
        self._streamed.forget()
        self._refused = ("", SrnError())
        self.Modified()

    def GetReport(self) -> str:
        """What the last update made, or why it failed, in lines of text."""
        return self._report_text or "Not yet applied."

    def GetEstimatedSize(self) -> str:
        """Of the file that the next update will make, about, in words."""
        return self.estimate_for(self.panel)[0]

    def GetEstimatedTime(self) -> str:
        """That the next update will take, about, in words."""
        return self.estimate_for(self.panel)[1]

    def estimate_for(self, panel: Mapping[str, Any], array: Optional[tuple[str, str]] = None) -> tuple[str, str]:
        """Size and time for a panel whose properties are not all in force yet; ``array``: association and name."""
        try:
            config = self.config(panel)
            refuse_idle_settings(config)
        except SrnError as error:
            return f"none: {error}", ""
        data = self.GetInputDataObject(0, 0) if self.GetNumberOfInputConnections(0) else None
        further = [(association, name) for association, names in self._further.items() for name in names]
        given = estimate.given_in(data, array or self._named(), further)
        if not given.values:
            return "not known before the input is there", ""
        steps = 1
        if panel.get("TimeSteps", self._time_steps) == over_time.ALL:
            steps = max(len(requests.times_in(self.GetInputInformation(0, 0))), 1)
        size, time = estimate.in_words(
            given, config, lambda: self._rough.size(data, array or self._named(), config, given), steps
        )
        if self._geometry != DROP and config.target.bytes is None and estimate.meshes_in(data):
            besides = self._rough_meshes.size(data)
            size += ", and the mesh" + (f", about {estimate.bytes_in_words(besides)}" if besides else "")
        return size, time

    def FillOutputPortInformation(self, port: int, info: Any) -> int:
        """Called by VTK: a grid or a mesh, or blocks of these, and two tables."""
        info.Set(vtkDataObject.DATA_TYPE_NAME(), "vtkDataObject" if port == 0 else "vtkTable")
        return 1

    def RequestDataObject(self, request: Any, inInfo: Any, outInfo: Any) -> int:
        """Called by VTK: a grid of the input's kind, or where its geometry is dropped an image, or blocks of these; and
        two tables."""
        given = vtkDataObject.GetData(inInfo[0])
        known = (*vtk_bridge.GRIDS, *MESHES)
        grid = next((kind for kind in known if isinstance(given, kind)), vtkImageData)
        kinds: list[type[vtkDataObject]] = [vtkImageData if self._geometry == DROP else grid, vtkTable, vtkTable]
        if blocks.is_composite(given):
            kinds[0] = vtkMultiBlockDataSet
        for port, kind in enumerate(kinds):
            output = vtkDataObject.GetData(outInfo, port)
            if output is None or not output.IsA(kind.__name__):
                outInfo.GetInformationObject(port).Set(vtkDataObject.DATA_OBJECT(), kind())
        return 1

    def RequestInformation(self, request: Any, inInfo: Any, outInfo: Any) -> int:
        """Called by VTK: on several ranks each gives its part."""
        if self._shared(inInfo, ranks.team()):
            compress_ranks.announce(outInfo)
        if self._streams(inInfo):
            compress_streamed.announce(inInfo, outInfo)
        return 1

    def RequestUpdateExtent(self, request: Any, inInfo: Any, outInfo: Any) -> int:
        """A brick on each rank; or the whole input, on the first rank alone, where it cannot be had in parts."""
        team = ranks.team()
        if self._shared(inInfo, team):
            compress_ranks.ask_for_piece(inInfo, team, self._settled().bricks.halo)
        elif self._streams(inInfo):
            compress_streamed.ask_for_corner(inInfo)
        elif requests.asked_piece(outInfo) > 0:
            requests.ask_for_nothing(inInfo[0])
        else:
            requests.ask_for_all(inInfo[0], isinstance(vtkDataObject.GetData(inInfo[0]), MESHES))
        if self._time_steps == over_time.ALL:
            self._ask_for_a_step(inInfo[0])
        return 1

    def _ask_for_a_step(self, in_info: Any) -> None:
        """The next one that is to be compressed; where all are, none that would have to be read."""
        times = requests.offered_times(in_info)
        if not times:
            return
        try:
            key = self._series_key(times)
            if self._known(key) is not None or key == self._refused[0]:
                over_time.ask_for_what_is_there(in_info)
                return
            if self._pass is None or self._pass.key != key:
                self._pass = over_time.Pass(key, times, self.config())
            self._pass.ask(in_info)
        except SrnError:
            self._pass = None  # execute meets it again, and says so

    def RequestData(self, request: Any, inInfo: Any, outInfo: Any) -> int:
        """Called by VTK: once, or for all time steps once for each of them."""
        done = super().RequestData(request, inInfo, outInfo)
        over_time.execute_again(request, self._pass is not None)
        return done

    def failed(self, message: str) -> None:
        """Also shown in the panel."""
        self._report_text = message
        super().failed(message)

    def needed(self) -> Sequence[str]:
        """An fv-SRN by rate does without torch; then it has no filter."""
        return self.needs if by_rate(self.config()) else packages.TRAINING

    def execute(self, in_info: Any, out_info: Any) -> None:
        """Train, unless that is done already, and decode."""
        team = ranks.team()
        if self._shared(in_info, team):
            self._execute_on_ranks(in_info, out_info, team)
            return
        if self._streams(in_info):
            self._execute_streamed(in_info, out_info)
            return
        if self._time_steps not in (over_time.CURRENT, over_time.ALL):
            raise SrnInputError(f"Time Steps must be {over_time.CURRENT} or {over_time.ALL}, not {self._time_steps!r}")
        times = requests.offered_times(in_info[0]) if self._time_steps == over_time.ALL else []
        if times:
            self._execute_all(in_info, out_info, times)
            return
        data = vtkDataObject.GetData(in_info[0])
        parts = parts_in(data)
        if requests.asked_piece(out_info) > 0:
            return
        config = self.config()
        # Before anything that is remembered by the settings in force alone is looked up.
        refuse_idle_settings(config)
        made = self._make(self._sources(parts), config)
        file = self.open_file(made.content)
        self._show(made, file, decoded(file, file.fields, extents_of(parts), self.progress), out_info)

    def _execute_all(self, in_info: Any, out_info: Any, times: Sequence[float]) -> None:
        """One time step of a pass over all; after the last one, and whenever it is done already, decode."""
        under_way, self._pass = self._pass, None  # whatever goes wrong, no further step is asked for
        key, first_rank = self._series_key(times), requests.asked_piece(out_info) <= 0
        if key == self._refused[0]:
            raise self._refused[1]
        if under_way is not None:
            try:
                self._take(under_way, in_info[0], first_rank)
                if under_way.more:
                    self._pass = under_way
                    return
                self._keep(key, _made_by(under_way) if first_rank else Made(b"", {}, {}, {}))
            except SrnError as error:
                self._refused = key, error
                raise
        made = self._known(key)
        if made is None or not made.content:  # another rank has it
            return
        time = over_time.nearest(list(made.extents), requests.asked_time(out_info))
        file, extents = self.open_file(made.content), made.extents[time]
        wanted = (file.digest, time, extents, self._provider, self._threads)
        grid = SHARED.grid(wanted, lambda: decoded(file, carrier.fields_at(file, time), extents, self.progress))
        self._show(made, file, grid, out_info)
        vtkDataObject.GetData(out_info, 0).GetInformation().Set(vtkDataObject.DATA_TIME_STEP(), time)

    def _take(self, under_way: over_time.Pass, in_info: Any, first_rank: bool) -> None:
        """Compress the time step that the input now holds, on the first rank."""
        refuse_idle_settings(self.config())
        if not first_rank:
            under_way.skip()
            return
        parts = parts_in(vtkDataObject.GetData(in_info))
        under_way.take(extents_of(parts), self._sources(parts), self._result, self.progress(0.0, 0.95))

    def _series_key(self, times: Sequence[float]) -> str:
        """What a file with all time steps depends on. Raises SrnInputError for settings that make no sense."""
        wanted = self._named(), self._further, self._components, self._geometry, list(times)
        return repr((over_time.upstream_changed(self), wanted, training_key(self.config(), [])))

    def _show(self, made: Made, file: NeuralFile, result: vtkDataObject, out_info: Any) -> None:
        """Fill the outputs and the report."""
        carrier.attach(result, made.content, made.report, made.history)
        vtkDataObject.GetData(out_info, 0).ShallowCopy(result)
        vtkTable.GetData(out_info, 1).ShallowCopy(vtk_bridge.table(made.history))
        vtkTable.GetData(out_info, 2).ShallowCopy(vtk_bridge.table(made.drop_rates))
        promise = promise_of_all(file.fields, file.nbytes)
        self._report_text = readable(made.report, "Drop Rates" if made.drop_rates else None, promise)

    def _execute_on_ranks(self, in_info: Any, out_info: Any, team: Team) -> None:
        """Compress this rank's brick, and decode what it is asked for of the whole."""
        config = compress_ranks.checked(self.config())
        image: Any = vtkDataObject.GetData(in_info[0])
        whole = in_info[0].GetInformationObject(0).Get(compress_ranks.Pipeline.WHOLE_EXTENT())
        chosen = [self.GetInputArrayInformation(0).Get(vtkDataObject.FIELD_NAME()), repr(self._further)]
        stamp = compress_ranks.stamp_of(self, out_info, config, *chosen, self._components, self._geometry)

        def volumes() -> Optional[list[Volume]]:
            return self._volumes(image) if image.GetNumberOfPoints() else None

        told = self.progress(0.0, 0.95)
        halo = config.bricks.halo
        content, report = self._on_ranks.made(stamp, volumes, config, whole, halo, team, told)
        file, told = self.open_file(content), self.progress(0.95, 1.0, stoppable=False)
        output, extent = vtkDataObject.GetData(out_info, 0), requests.asked_extent(out_info)
        compress_ranks.give(output, content, report, file, extent, told)
        compress_ranks.no_tables(out_info)
        original = sum(field.original_bytes for field in file.fields)
        self._report_text = readable(report, None, promise_of(file.fields[0], file.nbytes, original))

    def _execute_streamed(self, in_info: Any, out_info: Any) -> None:
        """Compress the input brick by brick, and decode what is asked for of a grid that fits into memory."""
        config = compress_ranks.checked(self.config())
        image: Any = vtkDataObject.GetData(in_info[0])
        whole = in_info[0].GetInformationObject(0).Get(compress_ranks.Pipeline.WHOLE_EXTENT())
        time = requests.asked_time(out_info)
        chosen = [self.GetInputArrayInformation(0).Get(vtkDataObject.FIELD_NAME()), repr(self._further)]
        stamp = compress_ranks.stamp_of(self, out_info, config, *chosen, self._components)

        def picked(number: int) -> Callable[[Any], Volume]:
            return lambda data: self._volumes(data)[number]

        def sources() -> list[VolumeParts]:
            corners = self._volumes(image)
            return [compress_streamed.Upstream(self, whole, c, time, picked(i)) for i, c in enumerate(corners)]

        content, report = self._streamed.made(stamp, sources, config, self.progress(0.0, 0.95))
        file, told = self.open_file(content), self.progress(0.95, 1.0, stoppable=False)
        output, extent = vtkDataObject.GetData(out_info, 0), requests.asked_extent(out_info)
        level = compress_streamed.give(output, content, report, file, extent, told)
        compress_ranks.no_tables(out_info)
        original = sum(field.original_bytes for field in file.fields)
        lines = readable(report, None, promise_of(file.fields[0], file.nbytes, original))
        self._report_text = lines + compress_streamed.told_of(level)

    def _shared(self, in_info: Any, team: Team) -> bool:
        """Whether each rank compresses a part of one time step."""
        return self._one_step(in_info) and compress_ranks.shared(self, in_info, team)

    def _one_step(self, in_info: Any) -> bool:
        return self._time_steps != over_time.ALL or not requests.offered_times(in_info[0])

    def _streams(self, in_info: Any) -> bool:
        """Whether the input is asked for brick by brick."""
        if ranks.team().size > 1 or not self._one_step(in_info):
            return False
        return compress_streamed.applies(self, in_info, self._settled())

    def _settled(self) -> CompressConfig:
        """The settings, or the defaults where they make no sense: RequestData meets that again, and says so."""
        try:
            return self.config()
        except SrnError:
            return CompressConfig()

    def config(self, panel: Optional[Mapping[str, Any]] = None) -> CompressConfig:
        """The settings of the panel, or another one. Raises SrnInputError for settings that make no sense."""
        panel = self.panel if panel is None else panel
        passes, seconds = panel["TrainingPasses"], panel["TrainingSeconds"]
        if passes < 0 and passes != PANEL["TrainingPasses"].automatic:
            raise SrnInputError(f"Training Passes must be -1 (automatic), 0 (no training) or more, not {passes:g}")
        for name, given in (("Training Seconds", seconds), ("Time Limit", panel["TimeLimit"])):
            if given < 0:
                raise SrnInputError(f"{name} must be 0 (no limit of this kind) or more, not {given:g}")
        more = parse_settings(text(panel.get("MoreSettings", self._more)))
        target = {} if any(name.startswith("target.") for name in more) else chosen_target(panel)
        return CompressConfig().with_settings({**chosen(panel), **target, "device": self._device, **more})

    def _make(
        self,
        volumes: Sequence[Sampled],
        config: CompressConfig,
        progress: Optional[ProgressCallback] = None,
        before: Sequence[Optional[StepBefore]] = (),
    ) -> Made:
        """``progress``: told instead of this algorithm's own; ``before``: see :func:`srn_core.compress`."""
        before = before if any(before) else ()
        key = training_key(config, [(values_digest(volume), volume) for volume in volumes], before)
        if key == self._refused[0]:
            raise self._refused[1]
        made = self._known(key)
        if made is None:
            began = clock()
            given, size = _given(volumes), self._rough_size(volumes, config)
            expected = estimate.expected_seconds(given, config, size)
            try:
                told = progress or self.progress(0.0, 0.95, expected=expected)
                result = srn_core.compress(volumes, config=config, progress=told, before=before or None)
            except SrnError as error:
                self._refused = key, error
                raise
            made = Made(result.file.to_bytes(), result.report, result.history, result.drop_rates)
            self._keep(key, made)
            if not (result.report["stopped_early"] or result.report.get("time_limited")):
                estimate.EXPERIENCE.learn(expected, clock() - began)
        return made

    def _known(self, key: str) -> Optional[Made]:
        """What was made before for a key."""
        self._used.add(key)
        return FINISHED.find(key) or self._stopped.find(key)

    def _keep(self, key: str, made: Made) -> None:
        """What was stopped is kept too, or the next rendering would begin anew; but no other filter is given it."""
        (self._stopped if made.report.get("stopped_early") else FINISHED).keep(key, made)

    def _result(
        self,
        volumes: Sequence[Sampled],
        config: CompressConfig,
        progress: Optional[ProgressCallback],
        before: Sequence[Optional[StepBefore]],
    ) -> CompressResult:
        """A time step of a series; the same one is not trained twice."""
        made = self._make(volumes, config, progress, before)
        file = NeuralFile.from_bytes(made.content)
        return CompressResult(file, dict(made.report), dict(made.history), dict(made.drop_rates))

    def _rough_size(self, volumes: Sequence[Sampled], config: CompressConfig) -> float:
        given = _given(volumes)
        return estimate.size_of(given, config) or given.nbytes / estimate.USUAL_RATIO


def _made_by(under_way: over_time.Pass) -> Made:
    """The file with all time steps of a pass. Raises SrnInputError where it is larger than it may be."""
    whole = under_way.series.whole()
    return Made(whole.file.to_bytes(), whole.report, whole.history, whole.drop_rates, under_way.extents)


def _given(volumes: Sequence[Sampled]) -> estimate.Given:
    """Of volumes, what an estimate asks for."""
    return estimate.Given(sum(volume.values.size for volume in volumes), sum(volume.nbytes for volume in volumes))


def parse_settings(more: str) -> dict[str, str]:
    """Settings as in "training.passes=8 fvsrn.grid=8,8,4", divided by blanks, commas, semicolons or lines."""
    settings = {}
    for item in re.split(r"[\s,;]+(?=[A-Za-z])", more.strip(" \t\r\n,;")):
        if item:
            name, equals, value = item.partition("=")
            if not equals:
                raise SrnInputError(f"More Settings: '{item}' is not of the form name=value, as in training.passes=8")
            settings[name.strip()] = value.strip()
    return settings
