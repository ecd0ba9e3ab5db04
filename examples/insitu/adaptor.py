"""Between a simulation and ParaView, as Catalyst's adaptors are built: initialize, coprocess at every step, finalize.

The simulation hands its field over as vtkImageData. Every so many steps the pipeline runs on it, and all that stays on
the disk is a neural file; the field itself is never written. The files of a run open in ParaView as one source with
time steps.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Optional

import numpy as np
from paraview import servermanager, simple
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonDataModel import vtkImageData


def image(values: np.ndarray, name: str, spacing: float) -> vtkImageData:
    """A field (z, y, x) as VTK takes it; the values are shared, not copied."""
    made = vtkImageData()
    made.SetDimensions(*values.shape[::-1])
    made.SetSpacing(spacing, spacing, spacing)
    array = numpy_to_vtk(values.reshape(-1))
    array.SetName(name)
    made.GetPointData().SetScalars(array)
    return made


class Adaptor:
    """Holds the pipeline of a run."""

    def __init__(self, folder: Path, every: int, psnr: float, preset: str = "fast") -> None:
        self.folder, self.every, self.psnr, self.preset = folder, every, psnr, preset
        self.bytes_in = self.bytes_out = 0
        self._source: Any = None
        self._small: Any = None

    def initialize(self) -> None:
        """Before the first step."""
        if not hasattr(simple, "NeuralCompress"):
            raise SystemExit("insitu: the plugin is not loaded; start the simulation with `srn pvbatch`")
        self.folder.mkdir(parents=True, exist_ok=True)
        self._source = simple.PVTrivialProducer()

    def coprocess(self, step: int, time: float, field: vtkImageData) -> Optional[Path]:
        """After each step: the neural file that was written, or None where it is not this step's turn."""
        if step % self.every:
            return None
        producer = self._source.GetClientSideObject()
        producer.SetOutput(field, time)
        self._source.MarkModified(self._source)
        self._source.UpdatePipeline(time)
        if self._small is None:  # now that the array is known
            self._small = simple.NeuralCompress(Input=self._source, Preset=self.preset)
            self._small.Target, self._small.TargetPSNR = "psnr", self.psnr
        self._small.UpdatePipeline(time)
        carried = servermanager.Fetch(self._small).GetFieldData().GetArray("srn_bytes")
        if carried is None:
            raise SystemExit(f"insitu: step {step}: {self._small.GetPropertyValue('Report')}")
        out = self.folder / f"step_{step:05d}.srn"
        simple.SaveData(str(out), proxy=self._small)
        array = field.GetPointData().GetScalars()
        self.bytes_in += array.GetNumberOfValues() * array.GetDataTypeSize()
        self.bytes_out += out.stat().st_size
        return out

    def finalize(self) -> None:
        """After the last step."""
        for proxy in (self._small, self._source):
            if proxy is not None:
                simple.Delete(proxy)
