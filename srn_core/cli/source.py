"""The arguments that say which volume is meant, shared by the commands that read one."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Any, Optional, Union

from srn_core.errors import SrnInputError
from srn_core.mesh import MeshArray, Sampled
from srn_core.parts import VolumeParts

FORMATS_HELP = ".vti .vtr .vts .vtu .vtp .vtk .npy .npz .raw .nrrd .nhdr .mha .mhd .h5 .nc .zarr"

ALL = "all"
"""Of ``--step``: every time step of the array."""


def add(command: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Add them to a command; their group."""
    group = command.add_argument_group("the volume")
    group.add_argument("--array", metavar="NAME", help="which array of the file; needed where there are several")
    group.add_argument("--dims", nargs=3, type=int, metavar=("NX", "NY", "NZ"), help="samples of a raw file")
    group.add_argument("--dtype", metavar="TYPE", help="type of a raw file's values: float32, uint8, >i2, ...")
    group.add_argument("--components", type=int, metavar="N", help="components of each sample of a raw file")
    group.add_argument("--header-bytes", type=int, metavar="N", help="bytes to skip at the start of a raw file")
    group.add_argument(
        "--step", type=_step, metavar="N", help="time step, from 0, of an array that has several; all: each of them"
    )
    return group


def options(given: argparse.Namespace) -> dict[str, Any]:
    """What the arguments say of the file that it may not say itself, as :func:`srn_core.io.read_volume` takes it."""
    if given.step == ALL:
        raise SrnInputError("--step all stands for several volumes; give the number of one time step, from 0 on")
    names = ("dims", "dtype", "components", "header_bytes", "step")
    return {name: getattr(given, name) for name in names if getattr(given, name) is not None}


def read(path: str, given: argparse.Namespace, step: Optional[int] = None) -> Sampled:
    """The volume, or array of a mesh, that the arguments mean; ``step``: of these steps, instead of what they say."""
    from srn_core.io import read_source

    return _kept(read_source(path, given.array, **options(_at(given, step))), given)


def parts(path: str, given: argparse.Namespace, step: Optional[int] = None) -> Union[VolumeParts, MeshArray]:
    """The same, read part by part where the format lets it."""
    from srn_core.io.file_parts import open_parts

    return _kept(open_parts(path, given.array, **options(_at(given, step))), given)


def add_geometry(command: argparse._ArgumentGroup) -> None:
    """Add what says whether meshes are kept."""
    command.add_argument(
        "--geometry",
        choices=("keep", "drop"),
        default="keep",
        help="of a .vtu or .vtp: keep the mesh in the file, exactly (the default), or drop it, for an image of its box",
    )


def _kept(found: Any, given: argparse.Namespace) -> Any:
    """An array of a mesh that says whether its mesh goes into the file; all else as it is."""
    drop = isinstance(found, MeshArray) and getattr(given, "geometry", "keep") == "drop"
    return replace(found, kept=False) if drop else found


def _at(given: argparse.Namespace, step: Optional[int]) -> argparse.Namespace:
    return given if step is None else argparse.Namespace(**{**vars(given), "step": step})


def _step(text: str) -> Union[int, str]:
    if text == ALL:
        return ALL
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a whole number, or all, not '{text}'") from None
