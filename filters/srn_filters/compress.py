"""Neural Compress: trains a network on one array of an image and gives the field back from the file it made."""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Mapping, Optional

import numpy as np
from vtkmodules.vtkCommonDataModel import vtkDataObject, vtkImageData, vtkTable

import srn_core
from srn_core.config import CompressConfig
from srn_core.errors import SrnError, SrnInputError
from srn_core.volume import Volume
from srn_filters import carrier, packages, requests, vtk_bridge
from srn_filters.algorithm import NeuralAlgorithm, setting, text
from srn_filters.report import readable

DEFAULT_RATIO = 100.0
"""What a panel shows that nobody touched. Left to the library then, which spares small volumes an impossible target."""
REMEMBERED = 64
"""Finished files an algorithm keeps, oldest dropped first: going back and forth in time trains each step once."""


@dataclass(frozen=True)
class Made:
    """What one training gave."""

    content: bytes
    report: Mapping[str, Any]
    history: Mapping[str, Any]


class NeuralCompress(NeuralAlgorithm):
    """Input: an image. Output 0: the same image as the decoder gives it back; output 1: the training history.

    Training runs once for the same values, geometry and settings (see :func:`training_key`), whatever the pipeline
    does.
    """

    label = "Neural Compress"
    needs = packages.TRAINING

    def __init__(self) -> None:
        super().__init__(nInputPorts=1, inputType="vtkImageData", nOutputPorts=2, outputType="vtkImageData")
        defaults = CompressConfig()
        self._network = defaults.network
        self._pruner = defaults.pruner
        self._ratio = DEFAULT_RATIO
        self._passes = 0.0
        self._seconds = 120.0
        self._method = defaults.quantise.method
        self._grid_bits = defaults.quantise.grid_bits
        self._weight_bits = defaults.quantise.weight_bits or 0
        self._device = defaults.device
        self._seed = defaults.seed
        self._more = ""
        self._made: OrderedDict[str, Made] = OrderedDict()
        self._refused: tuple[str, Exception] = ("", SrnError())
        self._report_text = ""

    SetNetwork = setting("_network", text)
    SetPruner = setting("_pruner", text)
    SetTargetRatio = setting("_ratio", float)
    SetTrainingPasses = setting("_passes", float)
    SetTrainingSeconds = setting("_seconds", float)
    SetQuantiser = setting("_method", text)
    SetGridBits = setting("_grid_bits", int)
    SetWeightBits = setting("_weight_bits", int)
    SetSeed = setting("_seed", int)
    SetMoreSettings = setting("_more", text)

    def SetDevice(self, device: Optional[str]) -> None:
        """Where the next training runs. By itself no reason to train again, so the algorithm is not modified."""
        self._device = text(device) or "auto"

    def TrainAgain(self) -> None:
        """Forget what was trained; the next update trains anew."""
        self._made.clear()
        self._refused = ("", SrnError())
        self.Modified()

    def GetReport(self) -> str:
        """What the last update made, or why it failed, in lines of text."""
        return self._report_text or "Not yet applied."

    def FillOutputPortInformation(self, port: int, info: Any) -> int:
        """Called by VTK: an image and a table."""
        info.Set(vtkDataObject.DATA_TYPE_NAME(), "vtkTable" if port == 1 else "vtkImageData")
        return 1

    def RequestUpdateExtent(self, request: Any, inInfo: Any, outInfo: Any) -> int:
        """Always the whole input, on the first rank alone: the network is one for the whole volume."""
        if requests.asked_piece(outInfo) > 0:
            requests.ask_for_nothing(inInfo[0])
        else:
            requests.ask_for_all(inInfo[0])
        return 1

    def failed(self, message: str) -> None:
        """Also shown in the panel."""
        self._report_text = message
        super().failed(message)

    def execute(self, in_info: Any, out_info: Any) -> None:
        """Train, unless that is done already, and decode."""
        image = vtkImageData.GetData(in_info[0])
        if requests.asked_piece(out_info) > 0:
            return
        config = self.config()
        volume = self._volume(image)
        made = self._make(volume, config)
        decoded = srn_core.load(made.content).decode(progress=self.progress(0.95, 1.0, stoppable=False))
        result = vtk_bridge.empty_image(decoded.geometry, image.GetExtent())
        vtk_bridge.add_volume(result, decoded)
        carrier.attach(result, made.content, made.report)
        vtkImageData.GetData(out_info, 0).ShallowCopy(result)
        vtkTable.GetData(out_info, 1).ShallowCopy(vtk_bridge.table(made.history))
        self._report_text = readable(made.report)

    def config(self) -> CompressConfig:
        """The settings of the panel. Raises SrnInputError for settings that make no sense."""
        for name, value in (("Training Passes", self._passes), ("Training Seconds", self._seconds)):
            if value < 0:
                raise SrnInputError(f"{name} must be 0 (no limit of this kind) or more, not {value:g}")
        settings: dict[str, Any] = {
            "network": self._network,
            "pruner": self._pruner,
            "device": self._device,
            "seed": self._seed,
            "training.passes": self._passes or None,
            "training.seconds": self._seconds or None,
            "quantise.method": self._method,
            "quantise.grid_bits": self._grid_bits,
            "quantise.weight_bits": self._weight_bits or None,
        }
        more = parse_settings(self._more)
        if self._ratio != DEFAULT_RATIO and "target.bytes" not in more:
            settings["target.ratio"] = self._ratio
        return CompressConfig().with_settings({**settings, **more})

    def _volume(self, image: vtkImageData) -> Volume:
        information = self.GetInputArrayInformation(0)
        name = information.Get(vtkDataObject.FIELD_NAME())
        association = "cell" if information.Get(vtkDataObject.FIELD_ASSOCIATION()) == 1 else "point"
        if not name:
            found = [(a, n) for a in ("point", "cell") for n in vtk_bridge.array_names(image, a)]
            if not found:
                vtk_bridge.geometry(image, "point")  # an empty image is the nearer cause, if it is one
                raise SrnInputError("the input has no point or cell array to compress")
            association, name = found[0]
        return vtk_bridge.volume(image, association, name)

    def _make(self, volume: Volume, config: CompressConfig) -> Made:
        key = training_key(config, self._values_digest(volume), volume)
        if key == self._refused[0]:
            raise self._refused[1]
        if key not in self._made:
            try:
                result = srn_core.compress(volume, config=config, progress=self.progress(0.0, 0.95))
            except SrnError as error:
                self._refused = key, error
                raise
            self._made[key] = Made(result.file.to_bytes(), result.report, result.history)
            while len(self._made) > REMEMBERED:
                self._made.popitem(last=False)
        self._made.move_to_end(key)
        return self._made[key]

    def _values_digest(self, volume: Volume) -> str:
        digest = hashlib.blake2b(digest_size=16)
        digest.update(np.ascontiguousarray(volume.values).data.cast("B") if volume.values.size else b"")
        if volume.valid is not None:
            digest.update(np.packbits(volume.valid).tobytes())
        return digest.hexdigest()


def training_key(config: CompressConfig, values: str, volume: Volume) -> str:
    """What a finished file depends on: the values themselves (not when VTK last touched them), what the file says
    of them, and the settings in force. Not the device, nor the settings of the network or pruner that is not used."""
    settings = config.to_dict()
    unused = {"device", "fvsrn", "neurcomp", "smallify"} - {config.network, config.pruner}
    for name in unused:
        settings.pop(name)
    described = (values, str(volume.values.dtype), volume.values.shape, volume.geometry, volume.name, volume.time)
    return repr((described, settings))


def parse_settings(more: str) -> dict[str, str]:
    """Settings as in "fvsrn.features=8 fvsrn.grid=8,8,4", divided by blanks, commas, semicolons or lines."""
    settings = {}
    for item in re.split(r"[\s,;]+(?=[A-Za-z])", more.strip(" \t\r\n,;")):
        if item:
            name, equals, value = item.partition("=")
            if not equals:
                raise SrnInputError(f"More Settings: '{item}' is not of the form name=value, as in fvsrn.features=8")
            settings[name.strip()] = value.strip()
    return settings
