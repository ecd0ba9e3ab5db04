"""The ranks of a parallel ParaView as a team that compresses one volume together."""

from __future__ import annotations

import numpy as np
from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkIdTypeArray, vtkUnsignedCharArray
from vtkmodules.vtkParallelCore import vtkMultiProcessController

from srn_core.in_bricks.team import Alone, Team


class Ranks(Team):
    """The processes of VTK's controller."""

    def __init__(self, controller: vtkMultiProcessController) -> None:
        self._controller = controller
        self.rank, self.size = controller.GetLocalProcessId(), controller.GetNumberOfProcesses()

    def gathered(self, mine: bytes) -> list[bytes]:
        """What each rank says."""
        count, counts = vtkIdTypeArray(), vtkIdTypeArray()
        count.InsertNextValue(len(mine))
        counts.SetNumberOfValues(self.size)
        self._controller.AllGather(count, counts)
        sizes = [int(counts.GetValue(rank)) for rank in range(self.size)]
        longest = max(*sizes, 1)
        padded = np.zeros(longest, np.uint8)
        padded[: len(mine)] = np.frombuffer(mine, np.uint8)
        every = vtkUnsignedCharArray()
        every.SetNumberOfValues(longest * self.size)
        self._controller.AllGather(numpy_to_vtk(padded), every)
        said = vtk_to_numpy(every).reshape(self.size, longest)
        return [said[rank, :size].tobytes() for rank, size in enumerate(sizes)]


def team() -> Team:
    """The ranks of this process' controller, or this process alone."""
    controller = vtkMultiProcessController.GetGlobalController()
    if controller is None or controller.GetNumberOfProcesses() < 2:
        return Alone()
    return Ranks(controller)
