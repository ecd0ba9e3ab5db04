"""A time series, in one neural file: every step a time step again when the file is opened.

    srn pvpython examples/compress_series.py small.srn step_000.vti step_001.vti step_002.vti --ratio 100
    srn pvpython examples/compress_series.py small.srn run.pvd --array Pressure --psnr 50

Takes whatever ParaView's reader gives time steps of, a .pvd as well as a list of files. One step is in memory at a
time; the ratio holds for all steps together, a PSNR for each.
"""

from __future__ import annotations

import argparse
from typing import Any, Optional

from paraview import servermanager, simple


def main(arguments: Optional[list[str]] = None) -> None:
    """Command line. Raises SystemExit with one line where something cannot be done."""
    parser = argparse.ArgumentParser(prog="compress_series.py", description="Compress time steps into one neural file.")
    parser.add_argument("out", help="the .srn file to write")
    parser.add_argument("files", nargs="+", help="the steps, or a file with all of them")
    parser.add_argument("--array", help="point array to compress (default: the first one)")
    target = parser.add_mutually_exclusive_group()
    target.add_argument("--ratio", type=float, help="for all steps together (default: 100)")
    target.add_argument("--psnr", type=float, help="in dB, for each step")
    parser.add_argument("--preset", default="balanced", choices=("fast", "balanced", "best"))
    options = parser.parse_args(arguments)
    if not hasattr(simple, "NeuralCompress"):
        raise SystemExit("compress_series: the plugin is not loaded; start this script with `srn pvpython`")
    import srn_core  # the plugin put it on the path
    from srn_core.errors import SrnError

    source = simple.OpenDataFile(options.files if len(options.files) > 1 else options.files[0])
    if source is None:
        raise SystemExit(f"compress_series: ParaView cannot open {' '.join(options.files)}")
    source.UpdatePipeline()
    steps = Steps(source, options.array or next(iter(source.PointData.keys())))
    wanted = {"psnr": options.psnr} if options.psnr is not None else {"ratio": options.ratio or 100.0}
    try:
        result = srn_core.compress_series(steps, options.out, preset=options.preset, progress=tell, **wanted)
    except SrnError as error:
        raise SystemExit(f"compress_series: {error}") from error
    for step in result.report["time_steps"]:
        print(f"time {step['time']:g}: {step['bytes']} bytes, PSNR {step['psnr']:.2f} dB")
    print(f"{len(steps)} steps, {result.report['ratio']:.1f} : 1, {result.report['bytes']} bytes")


class Steps:
    """The time steps of a source as volumes, each read when it is its turn."""

    def __init__(self, source: Any, array: str) -> None:
        self.source, self.array = source, array
        self.times = [float(t) for t in getattr(source, "TimestepValues", None) or [0.0]]

    def __len__(self) -> int:
        return len(self.times)

    def __getitem__(self, place: int) -> Any:
        from dataclasses import replace

        from srn_filters import vtk_bridge

        self.source.UpdatePipeline(self.times[place])
        data = servermanager.Fetch(self.source)
        return replace(vtk_bridge.volume(data, "point", self.array), time=self.times[place])


def tell(progress: Any) -> bool:
    """A line for each phase of each step; returning False would end it here, with the steps that are done."""
    if progress.phase != tell.before:
        print(f"{100 * progress.fraction:3.0f} %  {progress.phase}", flush=True)
    tell.before = progress.phase
    return True


tell.before = ""

if __name__ == "__main__":
    main()
