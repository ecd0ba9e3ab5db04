"""docs/file-format.md says what the code does; the reader that stands in it reads the golden files."""

from __future__ import annotations

import re
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from format_tables import rendered

from srn_core.codec import FORMAT_VERSION, header_text, limits
from srn_core.codec.container import MAGIC, PREFIX
from srn_core.codec.header_dictionary import DICTIONARY
from srn_core.codec.layouts import LAYOUTS
from srn_core.codec.mask import FORMS
from srn_core.codec.packing import CODECS

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = (ROOT / "docs" / "file-format.md").read_text(encoding="utf-8")
DICTIONARY_FILE = ROOT / "docs" / "file-format-dictionary.txt"
GOLDEN = sorted((ROOT / "tests" / "golden").glob("*.srn"))


def part(title: str) -> str:
    """What stands under a heading."""
    found = re.search(rf"^##+ {re.escape(title)}\n(.*?)(?=^##+ |\Z)", DOCUMENT, re.M | re.S)
    assert found is not None, title
    return found.group(1)


@pytest.mark.parametrize("title", sorted(rendered()))
def test_tables_are_those_of_the_code(title):
    assert rendered()[title] in part(title)


def test_names_and_numbers_are_those_of_the_code():
    assert set(re.findall(r"^\| `(\w+)` \|", part("Section codecs"), re.M)) == set(CODECS)
    assert set(re.findall(r"^\| `(\w+)` \|", part("Layouts"), re.M)) == set(LAYOUTS)
    assert set(re.findall(r"[Ff]orm `(\w+)`", part("Validity mask"))) == set(FORMS)
    assert f"format version {FORMAT_VERSION}" in DOCUMENT
    assert " ".join(f"{byte:02X}" for byte in MAGIC) in DOCUMENT
    assert PREFIX.size == 14
    assert DICTIONARY_FILE.read_bytes() == DICTIONARY
    assert f"{zlib.crc32(DICTIONARY):08x}" in DOCUMENT
    assert (limits.BASE_CODES, limits.CODES_PER_BYTE, limits.MAX_CODES) == (2**22, 256, 2**28)
    assert (limits.BASE_MASK_VOXELS, limits.MASK_VOXELS_PER_BYTE, limits.MAX_MASK_VOXELS) == (2**26, 2**17, 2**30)
    assert (header_text.BASE_LIMIT, header_text.GROWTH_LIMIT, header_text.LARGEST) == (2**20, 64, 2**24)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_the_reader_on_the_page_reads_the_golden_files(path, tmp_path):
    code = re.search(r"```python\n(.*?)```", part("A reader in one page"), re.S)
    assert code is not None
    (tmp_path / "reader.py").write_text(f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{code.group(1)}")
    out = tmp_path / "out.npz"
    subprocess.run([sys.executable, tmp_path / "reader.py", path, DICTIONARY_FILE, out], check=True)
    with np.load(out) as found, np.load(path.with_suffix(".npz")) as wanted:
        assert set(found) == set(wanted)
        for key in wanted:
            assert found[key].dtype == wanted[key].dtype
            assert found[key].tobytes() == wanted[key].tobytes(), key
