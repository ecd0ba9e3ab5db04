"""What the algorithms ask of the pipeline above them, and what the one below asks of them."""

from __future__ import annotations

from typing import Any, Optional, Sequence

from vtkmodules.vtkCommonExecutionModel import vtkAlgorithm
from vtkmodules.vtkCommonExecutionModel import vtkStreamingDemandDrivenPipeline as Pipeline

NOTHING = (0, -1, 0, -1, 0, -1)


def ask_for_all(in_info: Any, without_extent: bool = False) -> None:
    """The whole extent of an input, in one piece: what it carries is one for the whole.

    ``without_extent``: one piece of an input that has none, too.
    """
    info = in_info.GetInformationObject(0)
    whole = info is not None and info.Has(Pipeline.WHOLE_EXTENT())
    if whole:
        info.Set(Pipeline.UPDATE_EXTENT(), info.Get(Pipeline.WHOLE_EXTENT()), 6)
    if whole or (info is not None and without_extent):
        info.Set(Pipeline.UPDATE_NUMBER_OF_PIECES(), 1)
        info.Set(Pipeline.UPDATE_PIECE_NUMBER(), 0)


def ask_for_nothing(in_info: Any) -> None:
    """No sample of an input."""
    in_info.GetInformationObject(0).Set(Pipeline.UPDATE_EXTENT(), NOTHING, 6)


def offered_times(in_info: Any) -> list[float]:
    """The time steps that an input announces."""
    return times_in(in_info.GetInformationObject(0))


def times_in(info: Any) -> list[float]:
    """The time steps that stand in an information object."""
    return list(info.Get(Pipeline.TIME_STEPS())) if info is not None and info.Has(Pipeline.TIME_STEPS()) else []


def offer_times(info: Any, times: Sequence[float]) -> None:
    """Announce time steps, ascending, if there are any."""
    if times:
        info.Set(Pipeline.TIME_STEPS(), times, len(times))
        info.Set(Pipeline.TIME_RANGE(), (times[0], times[-1]), 2)


def asked_time(out_info: Any) -> Optional[float]:
    """The time step that is asked for; None where the pipeline knows no time."""
    return _asked(out_info, Pipeline.UPDATE_TIME_STEP())


def asked_extent(out_info: Any) -> Optional[tuple[int, ...]]:
    """The point extent that is asked for."""
    return _asked(out_info, Pipeline.UPDATE_EXTENT())


def asked_piece(out_info: Any) -> int:
    """The number of the piece that is asked for: the rank, where there are several."""
    return int(_asked(out_info, Pipeline.UPDATE_PIECE_NUMBER()) or 0)


def asked_pieces(out_info: Any) -> int:
    """Into how many pieces the output is divided: the number of ranks."""
    return max(int(_asked(out_info, Pipeline.UPDATE_NUMBER_OF_PIECES()) or 1), 1)


def _asked(out_info: Any, key: Any) -> Any:
    if out_info.GetNumberOfInformationObjects() == 0:  # a writer has no output
        return None
    info = out_info.GetInformationObject(0)
    return info.Get(key) if info.Has(key) else None


def gives_parts(algorithm: Any) -> bool:
    """Whether the source that an algorithm's input begins with makes any part of an extent by itself.

    What stands between, as ParaView's own filters behind each source, passes requests on without saying so; one that
    makes all instead gives the part too.
    """
    if algorithm.GetNumberOfInputConnections(0) != 1:
        return False
    connection = algorithm.GetInputConnection(0, 0)
    while True:
        source = connection.GetProducer()
        info = source.GetOutputInformation(connection.GetIndex())
        if info.Has(vtkAlgorithm.CAN_PRODUCE_SUB_EXTENT()):
            return True
        if source.GetNumberOfInputPorts() == 0 or source.GetNumberOfInputConnections(0) != 1:
            return False
        before = source.GetInputConnection(0, 0)
        known = before.GetProducer().GetOutputInformation(before.GetIndex())
        ends = [i.Get(Pipeline.WHOLE_EXTENT()) if i.Has(Pipeline.WHOLE_EXTENT()) else None for i in (info, known)]
        if ends[0] is None or ends[0] != ends[1]:
            return False
        connection = before
