"""Composite data sets as blocks with names, and blocks with names as a composite data set."""

from __future__ import annotations

from typing import Any, Callable, Iterator, Optional, Sequence

from vtkmodules.vtkCommonDataModel import (
    vtkCompositeDataSet,
    vtkDataObject,
    vtkMultiBlockDataSet,
    vtkPartitionedDataSet,
    vtkPartitionedDataSetCollection,
)

LEVELS = "/"
"""Stands between the names of a block and of the blocks within it."""
Block = tuple[str, Optional[vtkDataObject]]
"""Its name, with those of the blocks that it is in, and its data; None where another rank has it."""
KNOWN = (vtkMultiBlockDataSet, vtkPartitionedDataSetCollection, vtkPartitionedDataSet)


def is_composite(data: vtkDataObject) -> bool:
    """Whether it consists of blocks that :func:`blocks_of` finds."""
    return isinstance(data, KNOWN)


def blocks_of(data: vtkDataObject) -> list[tuple[str, vtkDataObject]]:
    """All blocks that are there, in their order, each under a name of its own."""
    return list(_within(data, ""))


def composite_of(blocks: Sequence[Block]) -> vtkMultiBlockDataSet:
    """Blocks within blocks, as their names say."""
    whole = vtkMultiBlockDataSet()
    for name, data in blocks:
        within = whole
        *levels, last = name.split(LEVELS)
        for level in levels:
            within = _entered(within, level)
        _put(within, last, data)
    return whole


def _within(data: Any, path: str) -> Iterator[tuple[str, vtkDataObject]]:
    for name, part in _named(data):
        if part is None:
            continue
        found = f"{path}{LEVELS}{name}" if path else name
        if isinstance(part, vtkPartitionedDataSet) and part.GetNumberOfPartitions() == 1:
            part = part.GetPartitionAsDataObject(0)
        if isinstance(part, vtkCompositeDataSet) and is_composite(part):
            yield from _within(part, found)
        elif part is not None:
            yield found, part


def _named(data: Any) -> Iterator[tuple[str, Any]]:
    """The parts of one level, under names that differ."""
    part_of: Callable[[int], vtkDataObject]
    if isinstance(data, vtkMultiBlockDataSet):
        count, part_of, kind = data.GetNumberOfBlocks(), data.GetBlock, "Block"
    elif isinstance(data, vtkPartitionedDataSetCollection):
        count, part_of, kind = data.GetNumberOfPartitionedDataSets(), data.GetPartitionedDataSet, "Block"
    else:
        count, part_of, kind = data.GetNumberOfPartitions(), data.GetPartitionAsDataObject, "Piece"
    taken: set[str] = set()
    for number in range(count):
        known = data.GetMetaData(number) if data.HasMetaData(number) else None
        told = known.Get(vtkCompositeDataSet.NAME()) if known is not None else None
        name = (told or f"{kind}{number}").replace(LEVELS, "_")
        while name in taken:
            name += f" ({number})"
        taken.add(name)
        yield name, part_of(number)


def _entered(within: vtkMultiBlockDataSet, name: str) -> Any:
    """The block of blocks of that name, made where it is not there."""
    for number in range(within.GetNumberOfBlocks()):
        if within.GetMetaData(number).Get(vtkCompositeDataSet.NAME()) == name:
            return within.GetBlock(number)
    return _put(within, name, vtkMultiBlockDataSet())


def _put(within: vtkMultiBlockDataSet, name: str, data: Any) -> Any:
    number = within.GetNumberOfBlocks()
    within.SetBlock(number, data)
    within.GetMetaData(number).Set(vtkCompositeDataSet.NAME(), name)
    return data
