"""A close-up of a neural file: what it gives between the original's voxels, beside trilinear interpolation of these.

    python examples/closeup.py volume.vti volume.srn closeup.png --edge 16 --times 24

shows ``edge`` x ``edge`` voxels of the middle slice, each as ``times`` x ``times`` pixels, about the place where the
field varies most; --at x y z names another one. Between voxels nobody knows the truth. An fv-SRN by rate interpolates
there between its latents, linearly too, so that what differs is the file's error; networks with a predictor, and
Neurcomp, are smooth where the interpolation has creases. Beside the picture it writes its numbers, as closeup.json.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Optional

import numpy as np

import srn_core
from srn_core.errors import SrnInputError
from srn_core.io import read_volume


def busiest(values: np.ndarray, edge: int) -> tuple[int, int]:
    """(y, x) of the first voxel of the square with the largest variance, of a slice (y, x)."""
    steps = max(edge // 2, 1)
    corners = [
        (y, x)
        for y in range(0, max(values.shape[0] - edge, 0) + 1, steps)
        for x in range(0, max(values.shape[1] - edge, 0) + 1, steps)
    ]
    return max(corners, key=lambda c: float(values[c[0] : c[0] + edge, c[1] : c[1] + edge].var()))


def trilinear(values: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Values (len(y), len(x)) of a slice (y, x) at fractional indices: in its plane, trilinear is bilinear."""
    for axis, places in enumerate((y, x)):
        low = np.clip(np.floor(places).astype(int), 0, max(values.shape[axis] - 2, 0))
        high = np.minimum(low + 1, values.shape[axis] - 1)
        share = (places - low).reshape((-1, 1) if axis == 0 else (1, -1))
        values = np.take(values, low, axis) * (1 - share) + np.take(values, high, axis) * share
    return values


def main(arguments: Optional[list[str]] = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="A neural file between voxels, beside trilinear interpolation.")
    parser.add_argument("volume", help="the original")
    parser.add_argument("file", help="its .srn file")
    parser.add_argument("picture", type=Path, help="the .png file to write")
    parser.add_argument("--array", help="which array (default: the file's first)")
    parser.add_argument("--edge", type=int, default=16, help="voxels along x and y (default: %(default)s)")
    parser.add_argument("--times", type=int, default=24, help="pixels of a voxel's edge (default: %(default)s)")
    parser.add_argument("--at", type=int, nargs=3, metavar=("X", "Y", "Z"), help="indices of the first voxel")
    options = parser.parse_args(arguments)
    try:
        draw(options)
    except SrnInputError as error:
        raise SystemExit(f"closeup: {error}") from error


def draw(options: argparse.Namespace) -> None:
    """Write the picture and the numbers. Raises SrnInputError for what cannot be drawn."""
    from matplotlib.figure import Figure

    file = srn_core.load(options.file)
    field = file.field(options.array)
    volume = read_volume(options.volume, field.name)
    if volume.components != 1 or volume.geometry.dims != field.geometry.dims:
        raise SrnInputError("the original must be the volume that was compressed, of one component")
    if min(options.edge, options.times) < 2:
        raise SrnInputError("edge and times must be 2 at least")
    z = options.at[2] if options.at else volume.geometry.dims[2] // 2
    if not 0 <= z < volume.geometry.dims[2]:
        raise SrnInputError(f"the volume has no slice {z}; it has {volume.geometry.dims[2]}")
    plane = volume.values[z].astype(np.float64)
    corner = (options.at[1], options.at[0]) if options.at else busiest(plane, options.edge)
    ends = [min(c + options.edge, n) - 1 for c, n in zip(corner, plane.shape)]
    if min(*corner, ends[0] - corner[0], ends[1] - corner[1]) < 0:
        raise SrnInputError(f"the slice of {plane.shape[1]} x {plane.shape[0]} voxels has none at {options.at[:2]}")
    y, x = (np.linspace(c, e, (e - c) * options.times + 1) for c, e in zip(corner, ends))
    index = np.stack([*np.meshgrid(x, y), np.full((len(y), len(x)), float(z))], axis=-1).reshape(-1, 3)
    world = volume.geometry.position_of(index)
    between = file.sample(world, array=field.name).reshape(len(y), len(x))
    linear = trilinear(plane, y, x)

    voxels = plane[corner[0] : ends[0] + 1, corner[1] : ends[1] + 1]
    low, high = float(voxels.min()), float(voxels.max())
    panels = ((voxels, "voxels of the original"), (linear, "original, trilinear"), (between, "out of the neural file"))
    figure = Figure(figsize=(12, 4.4), dpi=100, layout="constrained")
    for axes, (values, title) in zip(figure.subplots(1, 3), panels):
        shown = axes.imshow(values, cmap="inferno", vmin=low, vmax=high, origin="lower", interpolation="nearest")
        axes.set_title(title)
        axes.set_xticks([])
        axes.set_yticks([])
    figure.colorbar(shown, ax=figure.axes, label=field.name, shrink=0.85)
    figure.savefig(options.picture)

    span = float(plane.max() - plane.min()) or 1.0
    at_voxels = between[:: options.times, :: options.times] - voxels
    told = {
        "array": field.name,
        "first_voxel": [int(corner[1]), int(corner[0]), int(z)],
        "voxels": [int(voxels.shape[1]), int(voxels.shape[0])],
        "samples": [len(x), len(y)],
        "file_bytes": file.nbytes,
        "rmse_at_voxels_share": float(np.sqrt(np.mean(at_voxels**2))) / span,
        "rms_between_both_share": float(np.sqrt(np.mean((between - linear) ** 2))) / span,
    }
    options.picture.with_suffix(".json").write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
