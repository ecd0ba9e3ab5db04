"""Neural Search: settings for a volume found by trying, in a batch, from anything that ParaView opens.

    pvbatch examples/neural_search.py hurricane.vti --array Pressure --trials 40 --seconds-per-trial 60 --workers 4
    pvpython examples/search_front.py found --pick 3 --screenshot front.png
    srn compress found-volume.vti hurricane.srn --config found/front/03.json

The array is written beside the search's folder, as found-volume.vti, for the processes that try. The rest is as with
srn search (docs/search.md), the neural files of the front kept: search_front.py shows them. A search that was cut off
goes on with --resume. Grids that are no images are compressed as images in index space; meshes must go through Resample
To Image first. Under MPI the first rank searches.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any, Optional

ROOT = Path(sys.argv[0]).resolve().parents[1]
sys.path.insert(0, str(ROOT / "filters"))
import srn_filters.paraview_mend  # noqa: E402, F401
from paraview import servermanager, simple  # noqa: E402


def opened(path: str, array: Optional[str]) -> tuple[Any, str, str]:
    """The data of a file, the association ("point" or "cell") and name of its array. Raises SystemExit."""
    if not Path(path).exists():
        raise SystemExit(f"neural search: there is no file {path}")
    source = simple.OpenDataFile(path)
    if source is None:
        raise SystemExit(f"neural search: ParaView cannot open '{path}'")
    source.UpdatePipeline()
    known = {"point": list(source.PointData.keys()), "cell": list(source.CellData.keys())}
    names = known["point"] + known["cell"]
    wanted = array or (names[0] if names else "")
    for association, found in known.items():
        if wanted in found:
            data = servermanager.Fetch(source)
            if not any(data.IsA(f"vtk{kind}") for kind in ("ImageData", "RectilinearGrid", "StructuredGrid")):
                raise SystemExit(f"neural search: '{path}' is a {data.GetClassName()}; apply Resample To Image first")
            return data, association, wanted
    raise SystemExit(f"neural search: '{path}' has no array '{wanted}'; it has: {', '.join(names) or 'none'}")


def arguments() -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(description="Settings for a volume, found by trying.")
    parser.add_argument("volume", help="any file that ParaView opens")
    parser.add_argument("--array", help="point or cell array (default: the first)")
    parser.add_argument("--network", choices=("fvsrn", "neurcomp"), default="fvsrn", help="default: %(default)s")
    parser.add_argument("--pruner", default="rate", help="default: %(default)s")
    parser.add_argument("--trials", type=int, default=40, help="default: %(default)s")
    parser.add_argument("--seconds-per-trial", type=float, default=60.0, help="default: %(default)g")
    parser.add_argument("--workers", type=int, default=1, help="trials at the same time (default: 1)")
    parser.add_argument("--generator", choices=("ax", "sobol"), default="ax", help="default: %(default)s")
    parser.add_argument("--fix", action="append", default=[], metavar="KEY=VALUE", help="a setting of every trial")
    parser.add_argument(
        "--free", action="append", default=[], metavar="KEY=LOW:HIGH", help="search within other bounds"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("found"), help="folder (default: %(default)s)")
    parser.add_argument("--resume", action="store_true", help="go on with the search in --out")
    return parser.parse_args()


def searched(options: argparse.Namespace, volume: Path) -> None:
    """Search, and write what came out."""
    from srn_core.search import SearchRequest, Source, search
    from srn_core.search.figures import can_draw, draw_front
    from srn_core.search.outputs import write
    from srn_core.search.space import config_value

    request = SearchRequest(
        network=options.network,
        pruner=options.pruner,
        trials=options.trials,
        seconds=options.seconds_per_trial,
        workers=options.workers,
        generator=options.generator,
        seed=options.seed,
        keep_files=True,
        fixed={name: config_value(name, value) for name, value in (pair.split("=", 1) for pair in options.fix)},
        freed=dict((*pair.split("=", 1), "")[:2] for pair in options.free),
    )
    last = ""

    def tell(report: Any) -> bool:
        nonlocal last
        if report.phase != last:
            last = report.phase
            print(f"{100 * report.fraction:3.0f} %  {last}", flush=True)
        return True

    result = search(Source(str(volume)), options.out, request, resume=options.resume, progress=tell)
    write(options.out, result)
    front = result.front()
    if front and can_draw():
        draw_front(options.out, result, {})
    for number, trial in enumerate(front, 1):
        ratio, psnr = (trial.measured[figure] for figure in ("ratio", "psnr"))
        print(f"{options.out}/front/{number:02d}.srn: ratio {ratio:.4g}, {psnr:.2f} dB")
    if not front:
        raise SystemExit(f"neural search: no trial came to an end; see {options.out}/trials.csv")


def main() -> None:
    """Write the array as a volume, then search. Raises SystemExit with one line where something cannot be done."""
    options = arguments()
    simple.LoadPlugin(str(ROOT / "plugin" / "NeuralCompress.py"), remote=False, ns=vars(simple))
    from srn_filters import vtk_bridge

    from srn_core.errors import SrnError
    from srn_core.io import write_volume

    data, association, name = opened(options.volume, options.array)
    if servermanager.vtkProcessModule.GetProcessModule().GetPartitionId() != 0:
        return
    volume = options.out.with_name(f"{options.out.name}-volume.vti")
    try:
        if not options.resume:
            volume.parent.mkdir(parents=True, exist_ok=True)
            write_volume(volume, vtk_bridge.volume(data, association, name, points=False))
        searched(options, volume)
    except (SrnError, ValueError) as error:
        raise SystemExit(f"neural search: {error}") from error


main()
