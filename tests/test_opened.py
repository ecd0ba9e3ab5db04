"""Files that are opened twice are one; how many threads decode them."""

from __future__ import annotations

import gc
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from example_fields import field_of

import srn_core
from onnx_export.decoder import Decoder
from onnx_export.threads import thread_count
from srn_core import codec
from srn_core.errors import SrnFormatError, SrnInputError
from srn_core.neural_file import NeuralFile
from srn_core.opened import OpenedFiles
from srn_core.spec import ConstantSpec

BOX = (1.0, 1.0, 1.0)


def data_of(name: str) -> bytes:
    return codec.to_bytes([field_of(ConstantSpec(BOX, 1), {}, name=name)])


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What is really opened."""
    monkeypatch.setattr("srn_core.api._OPENED", OpenedFiles())
    found: list[bytes] = []
    real = NeuralFile.from_bytes.__func__  # type: ignore[attr-defined]

    def counting(cls: type, data: bytes, **options: Any) -> NeuralFile:
        found.append(data)
        return real(cls, data, **options)

    monkeypatch.setattr(NeuralFile, "from_bytes", classmethod(counting))
    return found


def test_equal_contents_are_opened_once(opened: list[bytes], tmp_path: Path) -> None:
    data = data_of("a")
    path = tmp_path / "a.srn"
    path.write_bytes(data)
    first = srn_core.load(data)
    assert srn_core.load(path) is first and srn_core.load(str(path)) is first
    assert srn_core.load(bytearray(data)) is first and srn_core.load(data, "auto") is first
    assert opened == [data]
    path.write_bytes(data_of("b"))
    assert srn_core.load(path).fields[0].name == "b", "not the path counts, but what it holds"
    assert len(opened) == 2


def test_other_options_are_another_file(opened: list[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    data = data_of("a")
    one = srn_core.load(data, threads=1)
    assert srn_core.load(data, threads=2) is not one
    assert srn_core.load(data, "cpu", threads=1) is not one
    assert srn_core.load(data, "CPU", threads=1) is srn_core.load(data, "cpu", threads=1)
    monkeypatch.setenv("SRN_THREADS", "1")
    assert srn_core.load(data) is one


def test_many_threads_open_it_once(opened: list[bytes]) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: srn_core.load(data_of("a")), range(40)))
    assert len({id(f) for f in found}) == 1 and len(opened) == 1


def test_decoders_are_shared_and_made_once(monkeypatch: pytest.MonkeyPatch, opened: list[bytes]) -> None:
    made: list[int] = []
    init = Decoder.__init__

    def counting(self: Decoder, *given: Any, **more: Any) -> None:
        made.append(1)
        init(self, *given, **more)

    monkeypatch.setattr(Decoder, "__init__", counting)
    data = data_of("a")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: srn_core.load(data).decode().values.sum(), range(20)))
    assert made == [1]


def test_damaged_ones_are_not_kept(opened: list[bytes]) -> None:
    for _ in range(2):
        with pytest.raises(SrnFormatError):
            srn_core.load(data_of("a")[:-1])
    assert len(opened) == 2


def test_what_nobody_uses_goes_when_memory_is_short() -> None:
    files = [data_of(name) for name in "abc"]
    each = NeuralFile.from_bytes(files[0]).memory_bytes
    kept = OpenedFiles(most_bytes=2 * each + each // 2)
    alive = [weakref.ref(kept.open(data, None, 1)) for data in files]
    gc.collect()
    assert [ref() is not None for ref in alive] == [False, True, True], "the first one that was used"
    held = kept.open(files[1], None, 1)
    kept.open(files[0], None, 1), kept.open(files[2], None, 1)
    gc.collect()
    assert kept.open(files[1], None, 1) is held, "one that is in use is always found"
    none = OpenedFiles(most_bytes=0)
    gone = weakref.ref(none.open(files[0], None, 1))
    gc.collect()
    assert gone() is None


def test_threads_are_the_argument_then_the_variable_then_the_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SRN_THREADS", raising=False)
    assert thread_count() >= 1 and thread_count(3) == 3
    monkeypatch.setenv("SRN_THREADS", " 2 ")
    assert thread_count() == 2 and thread_count(5) == 5
    assert Decoder(field_of(ConstantSpec(BOX, 1), {})).threads == 2
    monkeypatch.setenv("SRN_THREADS", "")
    assert thread_count() >= 1
    for wrong in ("0", "-1", "many", "1.5"):
        monkeypatch.setenv("SRN_THREADS", wrong)
        with pytest.raises(SrnInputError, match="SRN_THREADS"):
            srn_core.load(data_of("a"))
    with pytest.raises(SrnInputError, match="threads must be at least 1"):
        srn_core.load(data_of("a"), threads=0)


def test_a_result_is_the_callers_own(opened: list[bytes]) -> None:
    file = srn_core.load((Path(__file__).parent / "golden" / "pyramid.srn").read_bytes())
    first = file.decode()
    kept = first.values.copy()
    first.values[...] = 0
    np.testing.assert_array_equal(file.decode().values, kept)
    part = file.decode(level=1)
    part.values[...] = 0
    assert file.decode(level=1).values.any()
