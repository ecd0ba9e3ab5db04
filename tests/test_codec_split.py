"""Some fields of a file as a file of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from example_fields import assert_same, field_of, filled, neurcomp
from mesh_fields import tetrahedra

from srn_core import codec
from srn_core.codec.field import Corrections, OnMesh
from srn_core.codec.split import chosen_fields
from srn_core.errors import SrnFormatError, SrnInputError

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("name", sorted(path.stem for path in GOLDEN.glob("*.srn")))
def test_every_field_of_every_kind_of_file_stands_alone(name: str) -> None:
    content = (GOLDEN / f"{name}.srn").read_bytes()
    fields, header = codec.from_bytes(content), codec.header_of(content)
    wholes = [one for one in header["fields"] if "fades" not in one]
    assert len(wholes) == len(fields)
    for place, field in enumerate(fields):
        if field.adds_to is not None:
            continue
        count = iter(range(len(fields)))
        alone = chosen_fields(content, lambda _, place=place, count=count: next(count) == place)
        (found,) = codec.from_bytes(alone)
        assert_same(*(_without_bricks(one) for one in (field, found)))
        assert len(field.bricks) == len(found.bricks)
        for one, other in zip(field.bricks, found.bricks):
            assert_same(one.open(), other.open())


def test_what_is_added_to_another_field_goes_with_that_one_or_not_at_all() -> None:
    content = (GOLDEN / "pyramid-added.srn").read_bytes()
    fields = codec.from_bytes(content)
    place = next(n for n, field in enumerate(fields) if field.adds_to is not None)
    below = next(n for n, field in enumerate(fields) if field is fields[place].adds_to)

    def cut(*wanted: int) -> bytes:
        count = iter(range(len(fields)))
        return chosen_fields(content, lambda _: next(count) in wanted)

    with pytest.raises(SrnInputError, match="stored as the difference"):
        cut(place)
    chain = {place, below}
    while (other := fields[min(chain)].adds_to) is not None:
        chain.add(next(n for n, field in enumerate(fields) if field is other))
    found = codec.from_bytes(cut(*chain))
    assert len(found) == len(chain)
    assert_same(found[sorted(chain).index(place)], fields[place])


def _without_bricks(field: Any) -> Any:
    from dataclasses import replace

    return replace(field, bricks=())


def test_all_of_them_give_the_same_bytes() -> None:
    for path in GOLDEN.glob("*.srn"):
        before = codec.from_bytes(path.read_bytes())
        whole = chosen_fields(path.read_bytes(), lambda field: True)
        listed = [codec.section_sizes(content)[1:] for content in (path.read_bytes(), whole)]
        assert listed[0] == listed[1], "headers alone may differ, by the program's version and the dictionary"
        for one, other in zip(before, codec.from_bytes(whole)):
            assert_same(_without_bricks(one), _without_bricks(other))


def test_what_is_shared_is_brought_along_once() -> None:
    mesh, some = tetrahedra(4), np.arange(315).reshape(5, 7, 9) % 3 > 0
    fixed = Corrections(np.ones((64, 1), np.int32), 0.5)
    fields = [
        field_of(neurcomp(), filled(neurcomp(), seed=number), time=float(number), valid=some, **more)
        for number, more in enumerate(
            ({"mesh": OnMesh(mesh, "point")}, {"mesh": OnMesh(mesh, "point", corrections=fixed)}, {})
        )
    ]
    fields.append(field_of(neurcomp(), name="other", time=1.0, valid=some, mesh=OnMesh(mesh, "cell")))
    content = codec.to_bytes(fields)
    found = chosen_fields(content, lambda field: field.time == 1.0)
    for one, other in zip((fields[1], fields[3]), codec.from_bytes(found)):
        assert_same(one, other)
    holds = [section.holds for section in codec.section_sizes(found)]
    assert [holds.count(name) for name in ("mesh points", "validity mask", "corrections")] == [1, 1, 1]


def test_no_field_or_no_file_is_refused() -> None:
    content = codec.to_bytes(field_of(neurcomp()))
    with pytest.raises(SrnInputError, match="no field"):
        chosen_fields(content, lambda field: False)
    with pytest.raises(SrnFormatError):
        chosen_fields(content[:-1], lambda field: True)
