"""docs/file-format.md says what the code does; the reader that stands in it reads the golden files."""

from __future__ import annotations

import re
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from example_fields import field_of, neurcomp
from format_tables import rendered, rendered_model

from srn_core.codec import (
    FORMAT_VERSION,
    Corrections,
    NeuralField,
    Plateau,
    StoredArray,
    header_of,
    header_text,
    limits,
    to_bytes,
)
from srn_core.codec.container import MAGIC, PREFIX
from srn_core.codec.header_dictionary import DICTIONARY
from srn_core.codec.layouts import LAYOUTS
from srn_core.codec.mask import FORMS
from srn_core.codec.packing import CODECS
from srn_core.pyramid import pyramid_of
from srn_core.spec import FvSrnSpec
from srn_core.volume import Geometry

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = (ROOT / "docs" / "file-format.md").read_text(encoding="utf-8")
DICTIONARY_FILE = ROOT / "docs" / "file-format-dictionary.txt"
MODEL_FILE = ROOT / "srn_core" / "codec" / "context_model.npz"
GOLDEN = sorted((ROOT / "tests" / "golden").glob("*.srn"))


def part(title: str) -> str:
    """What stands under a heading."""
    found = re.search(rf"^##+ {re.escape(title)}\n(.*?)(?=^##+ |\Z)", DOCUMENT, re.M | re.S)
    assert found is not None, title
    return found.group(1)


@pytest.mark.parametrize("title", sorted(rendered()))
def test_tables_are_those_of_the_code(title):
    assert rendered()[title] in part(title)


def test_the_context_model_is_the_one_on_the_page():
    assert rendered_model() in part("The context model")


def test_names_and_numbers_are_those_of_the_code():
    assert set(re.findall(r"^\| `(\w+)` \|", part("Section codecs"), re.M)) == set(CODECS)
    assert set(re.findall(r"^\| `(\w+)` \|", part("Layouts"), re.M)) == set(LAYOUTS)
    assert set(re.findall(r"[Ff]orm `(\w+)`", part("Validity mask"))) == set(FORMS)
    assert f"format version {FORMAT_VERSION}" in DOCUMENT
    assert " ".join(f"{byte:02X}" for byte in MAGIC) in DOCUMENT
    assert PREFIX.size == 14
    assert DICTIONARY_FILE.read_bytes() == DICTIONARY
    assert f"{zlib.crc32(DICTIONARY):08x}" in DOCUMENT
    assert (limits.BASE_CODES, limits.CODES_PER_BYTE, limits.MAX_CODES) == (2**25, 1024, 2**28)
    assert (limits.BASE_MASK_VOXELS, limits.MASK_VOXELS_PER_BYTE, limits.MAX_MASK_VOXELS) == (2**26, 2**17, 2**30)
    assert (header_text.BASE_LIMIT, header_text.GROWTH_LIMIT, header_text.LARGEST) == (2**20, 64, 2**24)


def voxels_of_all_kinds() -> list[NeuralField]:
    """Fields with a mask, a plateau and corrections, each mask in the form that suits it."""
    z, y, x = np.mgrid[:21, :26, :30]
    ball = (z - 9.3) ** 2 + (y - 12.1) ** 2 + (x - 14.6) ** 2 < 83
    geometry = Geometry((30, 26, 21))
    codes = np.where((x * y + z) % 41 == 0, x - y, 0)[..., None].astype(np.int32)
    land = Plateau(z < 2 + np.sin(x / 5) * np.cos(y / 4), (0.1,))
    scattered = (x * x + 3 * y + z * z) % 101 > 0
    more = {"geometry": geometry, "plateau": land}
    return [
        field_of(neurcomp(), valid=~ball, corrections=Corrections(codes, 0.03), **more),
        field_of(neurcomp(), valid=scattered, name="other", **more),
        field_of(neurcomp(), valid=(z + y + x) % 2 == 0, name="chessboard", geometry=geometry),
    ]


def test_the_reader_on_the_page_reads_masks_plateaus_and_corrections(tmp_path):
    fields = voxels_of_all_kinds()
    (tmp_path / "a.srn").write_bytes(to_bytes(fields))
    forms = {mask["form"] for field in header_of(to_bytes(fields))["fields"] for mask in masks_in(field)}
    assert forms == {"nested", "rows"}
    found = read_by_the_page(tmp_path / "a.srn", tmp_path)
    for place, field in enumerate(fields):
        np.testing.assert_array_equal(found[f"{place}/valid"], field.valid)
        if field.plateau is not None:
            np.testing.assert_array_equal(found[f"{place}/plateau"], field.plateau.mask)
            np.testing.assert_array_equal(found[f"{place}/plateau.values"], field.plateau.values)
        if field.corrections is not None:
            added = field.corrections.codes * field.corrections.step
            np.testing.assert_array_equal(found[f"{place}/corrections"], added)


def masks_in(field: dict[str, Any]) -> list[dict[str, Any]]:
    """The masks of a field's JSON that have sections."""
    parts = [field.get("valid"), field.get("plateau", {}).get("mask"), field.get("corrections", {}).get("mask")]
    return [part for part in parts if part and "form" in part]


def pyramids_of_all_kinds() -> list[NeuralField]:
    """Fields of latents alone: with and without blocks, thin and flat, one or two features, small and huge codes."""
    kinds: list[tuple[tuple[int, int, int], tuple[tuple[str, int], ...], int, float]] = [
        ((9, 11, 13), (("zyx", 2),), 1, 3.0),
        ((3, 30, 31), (("z", 1), ("yx", 3)), 2, 0.8),
        ((17, 33, 34), (("z", 1), ("y", 2), ("x", 1)), 1, 0.2),
        ((1, 1, 40), (("zyx", 3),), 1, 9.0),
        ((2, 6, 7), (("yx", 9),), 1, 4e6),
        ((1, 2, 1), (), 1, 1.0),
    ]
    fields = []
    for place, ((z, y, x), groups, features, size) in enumerate(kinds):
        codes = np.random.default_rng(place).laplace(size=(features, z, y, x)) * size
        codes[:, :, 16:] *= 0.02
        array = StoredArray(np.clip(np.rint(codes), -(2**24) + 1, 2**24 - 1).astype(np.int32), 25, step=0.5)
        pyramid, geometry = pyramid_of("bior2.2", groups), Geometry((x, y, z))
        spec = FvSrnSpec(geometry.half_extent, features, (), 0, features, (z, y, x), pyramid, skip=True)
        ranges = ((0.0, 1.0),) * features
        more = {"vector": features > 1, "value_range": ranges, "geometry": geometry}
        fields.append(field_of(spec, {"coefficients": array}, name=f"{place}", **more))
    return fields


def test_the_reader_on_the_page_reads_pyramids(tmp_path):
    fields = pyramids_of_all_kinds()
    (tmp_path / "a.srn").write_bytes(to_bytes(fields))
    layouts = {group["layout"] for field in header_of(to_bytes(fields))["fields"] for group in field["groups"]}
    assert layouts == {"pyramid"}
    found = read_by_the_page(tmp_path / "a.srn", tmp_path)
    for place, field in enumerate(fields):
        np.testing.assert_array_equal(found[f"{place}/coefficients"], field.arrays["coefficients"].values())


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_the_reader_on_the_page_reads_the_golden_files(path, tmp_path):
    found = read_by_the_page(path, tmp_path)
    with np.load(path.with_suffix(".npz")) as wanted:
        assert set(found) == set(wanted)
        for key in wanted:
            assert found[key].dtype == wanted[key].dtype
            assert found[key].tobytes() == wanted[key].tobytes(), key


def read_by_the_page(path: Path, folder: Path) -> dict[str, np.ndarray]:
    """What the reader that stands in the document makes of a file."""
    code = re.search(r"```python\n(.*?)```", part("A reader in one page"), re.S)
    assert code is not None
    (folder / "reader.py").write_text(f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{code.group(1)}")
    out = folder / "out.npz"
    subprocess.run([sys.executable, folder / "reader.py", path, DICTIONARY_FILE, MODEL_FILE, out], check=True)
    with np.load(out) as found:
        return dict(found)
