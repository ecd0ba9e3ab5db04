"""Blocks of a composite data set: in files, and as VTK has them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from fields import waves
from srn_filters.blocks import blocks_of, composite_of
from vtkmodules.vtkCommonDataModel import (
    vtkCompositeDataSet,
    vtkImageData,
    vtkMultiBlockDataSet,
    vtkPartitionedDataSet,
    vtkPartitionedDataSetCollection,
)

import srn_core
from srn_core.errors import SrnInputError
from srn_core.volume import Volume

SETTINGS = {"passes": 0, "psnr": 60}


def block(name: str, seed: int, size: int = 9) -> Volume:
    return replace(Volume.from_array(waves(size, size, size, seed=seed), "pressure"), block=name)


def test_a_file_keeps_blocks_apart() -> None:
    given = [block("wing/upper", 1), block("wing/lower", 2, 7)]
    result = srn_core.compress(given, **SETTINGS)
    file = srn_core.load(result.file.to_bytes())
    assert [field.block for field in file.fields] == ["wing/upper", "wing/lower"]
    for volume in given:
        decoded = file.decode(array=f"{volume.block}/pressure")
        assert decoded.block == volume.block
        assert np.abs(decoded.values - volume.values).max() < 0.05
    assert file.field("pressure") is file.fields[0]
    with pytest.raises(SrnInputError, match="it has 'wing/upper/pressure', 'wing/lower/pressure'"):
        file.field("wing/pressure")
    assert file.nbytes == result.report["bytes"] and len(result.report["arrays"]) == 2


def test_a_ratio_holds_for_all_blocks_together() -> None:
    given = [block("a", 1, 24), block("b", 2, 16)]
    result = srn_core.compress(given, ratio=12, passes=0)
    assert 12 <= sum(v.nbytes for v in given) / len(result.file.to_bytes()) == result.report["ratio"] < 13


def test_one_block_does_not_come_twice() -> None:
    with pytest.raises(SrnInputError, match="occurs twice"):
        srn_core.compress([block("a", 1), block("a", 2)], **SETTINGS)


def test_what_is_wrong_with_a_block_names_it() -> None:
    bad = block("b", 2)
    bad = replace(bad, values=np.full_like(bad.values, np.inf))
    with pytest.raises(SrnInputError, match="array 'pressure' of block 'b': .*infinite"):
        srn_core.compress([block("a", 1), bad], **SETTINGS)


def test_hidden_samples_are_told_from_unknown_ones() -> None:
    volume = block("", 3)
    seen = np.ones(volume.values.shape, bool)
    seen[2:4, 3, :] = False
    for blanked in (True, False):
        result = srn_core.compress(replace(volume, valid=seen, blanked=blanked), **SETTINGS)
        decoded = srn_core.load(result.file.to_bytes()).decode()
        assert decoded.blanked == blanked
        assert decoded.valid is not None and np.array_equal(decoded.valid, seen)
    whole = srn_core.compress(replace(volume, blanked=True), **SETTINGS)
    assert not whole.file.decode().blanked, "where nothing is hidden, nothing is said"


def image(edge: int) -> vtkImageData:
    found = vtkImageData()
    found.SetDimensions(edge, edge, edge)
    return found


def named(blocks: dict[str, object]) -> vtkMultiBlockDataSet:
    whole = vtkMultiBlockDataSet()
    for number, (name, data) in enumerate(blocks.items()):
        whole.SetBlock(number, data)
        if name:
            whole.GetMetaData(number).Set(vtkCompositeDataSet.NAME(), name)
    return whole


def test_blocks_within_blocks_are_found_and_put_together_again() -> None:
    whole = named({"wing": named({"upper": image(2), "a/b": image(3)}), "": image(4), "empty": None})
    found = blocks_of(whole)
    assert [(name, data.GetDimensions()[0]) for name, data in found] == [
        ("wing/upper", 2),
        ("wing/a_b", 3),
        ("Block1", 4),
    ]
    again = composite_of(found)
    assert [name for name, _ in blocks_of(again)] == [name for name, _ in found]
    assert again.GetBlock(0).GetMetaData(1).Get(vtkCompositeDataSet.NAME()) == "a_b"


def test_blocks_of_one_name_are_told_apart() -> None:
    whole = vtkMultiBlockDataSet()
    for number in range(3):
        whole.SetBlock(number, image(number + 2))
        whole.GetMetaData(number).Set(vtkCompositeDataSet.NAME(), "part")
    names = [name for name, _ in blocks_of(whole)]
    assert names[0] == "part" and len(set(names)) == 3


def test_collections_and_pieces_are_blocks_too() -> None:
    single, double = vtkPartitionedDataSet(), vtkPartitionedDataSet()
    single.SetPartition(0, image(2))
    double.SetPartition(0, image(3))
    double.SetPartition(1, image(4))
    whole = vtkPartitionedDataSetCollection()
    for number, (name, data) in enumerate((("one", single), ("two", double))):
        whole.SetPartitionedDataSet(number, data)
        whole.GetMetaData(number).Set(vtkCompositeDataSet.NAME(), name)
    assert [name for name, _ in blocks_of(whole)] == ["one", "two/Piece0", "two/Piece1"]
