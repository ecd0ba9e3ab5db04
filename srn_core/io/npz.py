"""NumPy archives (.npz): several arrays, and the geometry under names of its own."""

from __future__ import annotations

import zipfile
from typing import Any, Optional

import numpy as np

from srn_core.errors import SrnInputError
from srn_core.io.choice import chosen
from srn_core.io.memory import require_memory
from srn_core.io.read import ReadOptions
from srn_core.volume import Geometry, Volume

PREFIX = "srn."
"""Of the names under which origin, spacing, ... of a volume written here stand."""


def array_names(path: str) -> list[str]:
    """Names of the arrays, those of the geometry left out."""
    with np.load(path, allow_pickle=False) as archive:
        return [name for name in archive.files if not name.startswith(PREFIX)]


def read(path: str, array: Optional[str], options: ReadOptions) -> Volume:
    """One array with axes (z, y, x[, component]), with its geometry where it was written here."""
    name = chosen(path, array_names(path), array)
    with zipfile.ZipFile(path) as members:
        require_memory(path, (members.getinfo(f"{name}.npy").file_size,), np.uint8)
    with np.load(path, allow_pickle=False) as archive:
        volume = Volume.from_array(archive[name], name)
        if f"{PREFIX}origin" not in archive.files:
            return volume
        kept = {key[len(PREFIX) :]: archive[key] for key in archive.files if key.startswith(PREFIX)}
    try:
        geometry = Geometry(
            volume.geometry.dims,
            _triple(kept["origin"], float),
            _triple(kept["spacing"], float),
            tuple(float(v) for v in kept["direction"].ravel()),
            _triple(kept["start"], int),
            str(kept["association"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise SrnInputError(f"'{path}': the geometry in it is damaged ({error})") from error
    return Volume(
        volume.values,
        geometry,
        name,
        units=str(kept.get("units", "")),
        time=float(kept["time"]) if "time" in kept else None,
        valid=kept.get("valid"),
    )


def write(path: str, volume: Volume, *more: Volume) -> None:
    """The values of all volumes under their arrays' names, deflated, and the first one's geometry beside them."""
    geometry = volume.geometry
    entries: dict[str, Any] = {
        **{_member(v.name): v.values for v in (volume, *more)},
        f"{PREFIX}origin": np.array(geometry.origin),
        f"{PREFIX}spacing": np.array(geometry.spacing),
        f"{PREFIX}direction": np.array(geometry.direction),
        f"{PREFIX}start": np.array(geometry.start),
        f"{PREFIX}association": np.array(geometry.association),
        f"{PREFIX}units": np.array(volume.units),
    }
    if volume.time is not None:
        entries[f"{PREFIX}time"] = np.array(volume.time)
    if volume.valid is not None:
        entries[f"{PREFIX}valid"] = volume.valid
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        # Not numpy.savez: it takes names as keyword arguments, and one of them may be "file".
        for key, value in entries.items():
            with archive.open(f"{key}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asarray(value), allow_pickle=False)


def _member(name: str) -> str:
    return name.replace("/", "_").replace("\\", "_") or "values"


def _triple(values: np.ndarray, kind: Any) -> Any:
    x, y, z = (kind(v) for v in values)
    return x, y, z
