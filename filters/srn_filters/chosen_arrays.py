"""What of an input Neural Compress is to compress: which arrays, of which blocks, on which geometry."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Optional, Sequence, Tuple, cast

from vtkmodules.vtkCommonDataModel import vtkDataObject

from srn_core.errors import SrnInputError
from srn_core.volume import Volume
from srn_filters import blocks, vtk_bridge
from srn_filters.algorithm import setting, text
from srn_filters.finished import Extents

JOINTLY, SEPARATELY = "jointly", "separately"
"""Vectors and tensors: one network for all components, or each component as an array of its own."""
KEEP, DROP = "keep", "drop"
"""Points of rectilinear and structured grids: kept exactly in the file, or left out, for an image in index space."""
Grids = Sequence[Tuple[str, vtk_bridge.Grid]]
"""The input: name and grid of each block; of what has no blocks "" and the grid."""


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

    def _volumes(self, grids: Grids) -> list[Volume]:
        """What is to be compressed: the chosen array first, of all blocks that have it, then the others."""
        if self._components not in (JOINTLY, SEPARATELY):
            raise SrnInputError(f"Components must be {JOINTLY} or {SEPARATELY}, not {self._components!r}")
        if self._geometry not in (KEEP, DROP):
            raise SrnInputError(f"Geometry must be {KEEP} or {DROP}, not {self._geometry!r}")
        points = self._geometry == KEEP
        chosen = self._chosen([grid for _, grid in grids])
        for association, names in self._further.items():
            chosen += [(association, name) for name in names if (association, name) not in chosen]
        volumes = []
        for association, name in chosen:
            having = [(block, grid) for block, grid in grids if name in vtk_bridge.array_names(grid, association)]
            if not having and len(grids) > 1:
                raise SrnInputError(_no_block_has(association, name, grids))
            for block, grid in having or grids:
                volumes.append(replace(vtk_bridge.volume(grid, association, name, points), block=block))
        return volumes if self._components == JOINTLY else [part for one in volumes for part in components_of(one)]

    def _named(self) -> tuple[str, str]:
        """Association and name of the array that is asked for; the name may be empty."""
        information = self.GetInputArrayInformation(0)
        association = "cell" if information.Get(vtkDataObject.FIELD_ASSOCIATION()) == 1 else "point"
        return association, information.Get(vtkDataObject.FIELD_NAME()) or ""

    def _chosen(self, grids: Sequence[vtk_bridge.Grid]) -> list[tuple[str, str]]:
        """The association and the name of the array; where none is named, of the first one, unless others are."""
        association, name = self._named()
        if not name and any(self._further.values()):
            return []
        if not name:
            found = [(a, n) for grid in grids for a in ("point", "cell") for n in vtk_bridge.array_names(grid, a)]
            if not found:
                vtk_bridge.geometry(grids[0], "point")  # an empty image is the nearer cause, if it is one
                raise SrnInputError("the input has no point or cell array to compress")
            association, name = found[0]
        return [(association, name)]


def grids_in(data: vtkDataObject) -> Grids:
    """The grid, or all that are blocks of a composite data set. Raises SrnInputError for what is no grid."""
    found = blocks.blocks_of(data) if blocks.is_composite(data) else [("", data)]
    if not found:
        raise SrnInputError("the input has no block that holds data; check the source before this filter")
    for name, block in found:
        if not isinstance(block, vtk_bridge.GRIDS):
            what = f"block '{name}' of the input" if name else "the input"
            raise SrnInputError(
                f"{what} is a {block.GetClassName()}, which is no grid of three axes; apply Resample To Image first "
                "and compress what that gives" + (", or take other blocks by Extract Block" if name else "")
            )
    return [(name, cast(vtk_bridge.Grid, block)) for name, block in found]


def extents_of(grids: Grids) -> Extents:
    """Name and point extent of each block."""
    return tuple((name, tuple(grid.GetExtent())) for name, grid in grids)


def _no_block_has(association: str, name: str, grids: Grids) -> str:
    known = dict.fromkeys(n for _, grid in grids for n in vtk_bridge.array_names(grid, association))
    there = f"; their {association} arrays are: {', '.join(known)}" if known else f"; they have no {association} arrays"
    return f"no block of the input has a {association} array '{name}'{there}"


def components_of(volume: Volume) -> list[Volume]:
    """Each component as an array of its own, named as ParaView names it: velocity_X, stress_XY, ..."""
    if volume.components == 1:
        return [volume]
    known = {3: "X Y Z", 6: "XX YY ZZ XY YZ XZ", 9: "XX XY XZ YX YY YZ ZX ZY ZZ"}.get(volume.components, "")
    names = known.split() or [str(number) for number in range(volume.components)]
    return [
        replace(volume, values=volume.values[..., place], name=f"{volume.name}_{name}")
        for place, name in enumerate(names)
    ]
