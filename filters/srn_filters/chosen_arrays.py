"""What of an input Neural Compress is to compress: which arrays, of which blocks, on which geometry."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Optional, Sequence, Tuple, Union, cast

from vtkmodules.vtkCommonDataModel import vtkDataObject

from srn_core.errors import SrnInputError
from srn_core.mesh import Sampled
from srn_core.volume import Volume
from srn_filters import blocks, vtk_bridge
from srn_filters.algorithm import setting, text
from srn_filters.finished import Extents
from srn_filters.mesh_bridge import MESHES, Meshes, VtkMesh

JOINTLY, SEPARATELY = "jointly", "separately"
"""Vectors and tensors: one network for all components, or each component as an array of its own."""
KEEP, DROP = "keep", "drop"
"""Points of grids and meshes: kept exactly in the file, or left out, for an image in index space or of a mesh's box."""
Part = Union[vtk_bridge.Grid, VtkMesh]
Parts = Sequence[Tuple[str, Part]]
"""The input: name and grid, or mesh, of each block; of what has no blocks "" and the grid."""


class ChosenArrays:
    """The part of an algorithm that knows which arrays are chosen."""

    _further: dict[str, list[str]]
    _components: str
    _geometry: str
    Modified: Any
    GetInputArrayInformation: Any

    def choose_all_by_default(self) -> None:
        """One array, its components together, on its geometry."""
        self._further = {"point": [], "cell": []}
        self._components, self._geometry = JOINTLY, KEEP

    SetComponents = setting("_components", text)
    SetGeometry = setting("_geometry", text)

    def AddPointArray(self, name: Optional[str]) -> None:
        """One more point array for the same file."""
        self._add("point", name)

    def AddCellArray(self, name: Optional[str]) -> None:
        """One more cell array for the same file."""
        self._add("cell", name)

    def ClearPointArrays(self) -> None:
        """No more point arrays."""
        self._further["point"] = []
        self.Modified()

    def ClearCellArrays(self) -> None:
        """No more cell arrays."""
        self._further["cell"] = []
        self.Modified()

    def _add(self, association: str, name: Optional[str]) -> None:
        if text(name):
            self._further[association].append(text(name))
            self.Modified()

    def _sources(self, parts: Parts) -> list[Sampled]:
        """What is to be compressed: the chosen array first, of all blocks that have it, then the others."""
        if self._components not in (JOINTLY, SEPARATELY):
            raise SrnInputError(f"Components must be {JOINTLY} or {SEPARATELY}, not {self._components!r}")
        if self._geometry not in (KEEP, DROP):
            raise SrnInputError(f"Geometry must be {KEEP} or {DROP}, not {self._geometry!r}")
        chosen = self._chosen([part for _, part in parts])
        for association, names in self._further.items():
            chosen += [(association, name) for name in names if (association, name) not in chosen]
        sources: list[Sampled] = []
        meshes = Meshes(self._geometry == KEEP, several=len(chosen) > 1)
        for association, name in chosen:
            having = [(block, part) for block, part in parts if name in vtk_bridge.array_names(part, association)]
            if not having and len(parts) > 1:
                raise SrnInputError(_no_block_has(association, name, parts))
            for block, part in having or parts:
                if isinstance(part, MESHES):
                    sources.append(replace(meshes.array(part, association, name), block=block))
                else:
                    volume = vtk_bridge.volume(part, association, name, self._geometry == KEEP)
                    sources.append(replace(volume, block=block))
        if self._components == JOINTLY:
            return sources
        return [component for source in sources for component in components_of(source)]

    def _volumes(self, grid: Any) -> list[Volume]:
        """The same of a single grid."""
        return cast("list[Volume]", self._sources(parts_in(grid)))

    def _named(self) -> tuple[str, str]:
        """Association and name of the array that is asked for; the name may be empty."""
        information = self.GetInputArrayInformation(0)
        association = "cell" if information.Get(vtkDataObject.FIELD_ASSOCIATION()) == 1 else "point"
        return association, information.Get(vtkDataObject.FIELD_NAME()) or ""

    def _chosen(self, grids: Sequence[Part]) -> list[tuple[str, str]]:
        """The association and the name of the array; where none is named, of the first one, unless others are."""
        association, name = self._named()
        if not name and any(self._further.values()):
            return []
        if not name:
            found = [(a, n) for grid in grids for a in ("point", "cell") for n in vtk_bridge.array_names(grid, a)]
            if not found:
                if isinstance(grids[0], vtk_bridge.GRIDS):
                    vtk_bridge.geometry(grids[0], "point")  # an empty image is the nearer cause, if it is one
                raise SrnInputError("the input has no point or cell array to compress")
            association, name = found[0]
        return [(association, name)]


def parts_in(data: vtkDataObject) -> Parts:
    """The grid or mesh, or all that are blocks of a composite data set. Raises SrnInputError for what is neither."""
    found = blocks.blocks_of(data) if blocks.is_composite(data) else [("", data)]
    if not found:
        raise SrnInputError("the input has no block that holds data; check the source before this filter")
    for name, block in found:
        if not isinstance(block, (*vtk_bridge.GRIDS, *MESHES)):
            what = f"block '{name}' of the input" if name else "the input"
            raise SrnInputError(
                f"{what} is a {block.GetClassName()}, neither a grid of three axes nor a mesh; apply Resample To Image "
                "first and compress what that gives" + (", or take other blocks by Extract Block" if name else "")
            )
    return [(name, cast(Part, block)) for name, block in found]


def extents_of(parts: Parts) -> Extents:
    """Name and point extent of each block; of a mesh, which has none, ()."""
    return tuple((name, tuple(part.GetExtent()) if isinstance(part, vtk_bridge.GRIDS) else ()) for name, part in parts)


def _no_block_has(association: str, name: str, grids: Parts) -> str:
    known = dict.fromkeys(n for _, grid in grids for n in vtk_bridge.array_names(grid, association))
    there = f"; their {association} arrays are: {', '.join(known)}" if known else f"; they have no {association} arrays"
    return f"no block of the input has a {association} array '{name}'{there}"


def components_of(volume: Sampled) -> list[Sampled]:
    """Each component as an array of its own, named as ParaView names it: velocity_X, stress_XY, ..."""
    if volume.components == 1:
        return [volume]
    known = {3: "X Y Z", 6: "XX YY ZZ XY YZ XZ", 9: "XX XY XZ YX YY YZ ZX ZY ZZ"}.get(volume.components, "")
    names = known.split() or [str(number) for number in range(volume.components)]
    return [
        replace(volume, values=volume.values[..., place], name=f"{volume.name}_{name}")
        for place, name in enumerate(names)
    ]
