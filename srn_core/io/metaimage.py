"""MetaImage volumes (.mha, .mhd), by SimpleITK."""

from __future__ import annotations

import os
from typing import Any, Optional

import numpy as np

from srn_core.errors import SrnInputError, SrnMissingPackageError
from srn_core.io.choice import chosen
from srn_core.io.filled import filled
from srn_core.io.memory import require_memory
from srn_core.io.read import ReadOptions
from srn_core.volume import IDENTITY, Geometry, Volume


def _itk(path: str) -> Any:
    try:
        import SimpleITK
    except ImportError as error:
        raise SrnMissingPackageError("SimpleITK", f"'{os.path.basename(path)}'", "io") from error
    return SimpleITK


def array_names(path: str) -> list[str]:
    """The file's own name: the format has no other."""
    return [os.path.splitext(os.path.basename(path))[0]]


def read(path: str, array: Optional[str], options: ReadOptions) -> Volume:
    """The volume with its spacing, origin and direction."""
    itk = _itk(path)
    name = chosen(path, array_names(path), array)
    reader = itk.ImageFileReader()
    reader.SetImageIO("MetaImageIO")
    reader.SetFileName(path)
    reader.ReadImageInformation()
    require_memory(path, (*reader.GetSize(), reader.GetNumberOfComponents()), np.uint8)
    image = reader.Execute()
    axes, components = image.GetDimension(), image.GetNumberOfComponentsPerPixel()
    if axes not in (2, 3):
        raise SrnInputError(f"'{path}' has {axes} axes; 2 or 3 can be read")
    values = itk.GetArrayFromImage(image)
    values = values.reshape((1,) * (3 - axes) + values.shape)
    if components > 1 and values.ndim != 4:
        raise SrnInputError(f"'{path}' has values of a kind that cannot be read: {image.GetPixelIDTypeAsString()}")
    z, y, x = values.shape[:3]
    if axes == 2:
        return Volume(
            values, Geometry((x, y, z), (*image.GetOrigin(), 0.0), (*image.GetSpacing(), 1.0), IDENTITY), name
        )
    return Volume(values, Geometry((x, y, z), image.GetOrigin(), image.GetSpacing(), image.GetDirection()), name)


def write(path: str, volume: Volume) -> None:
    """Values (deflated) and geometry; cell samples are written as samples at their centres."""
    itk = _itk(path)
    values = filled(volume)
    if values.dtype.kind == "b":
        values = values.astype(np.uint8)
    elif values.dtype == np.float16:
        values = values.astype(np.float32)
    image = itk.GetImageFromArray(values, isVector=values.ndim == 4)
    first = volume.geometry.position_of(np.zeros((1, 3)))[0]
    image.SetOrigin([float(v) for v in first])
    image.SetSpacing([float(v) for v in volume.geometry.spacing])
    image.SetDirection([float(v) for v in volume.geometry.direction])
    writer = itk.ImageFileWriter()
    writer.SetImageIO("MetaImageIO")
    writer.SetFileName(path)
    writer.UseCompressionOn()
    writer.Execute(image)
