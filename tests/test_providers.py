"""Which provider decodes, and what happens where one fails: with a runtime that only says it has them."""

from __future__ import annotations

import logging
from typing import Any, Callable, Optional

import numpy as np
import onnxruntime
import pytest
from reference_networks import random_field

import onnx_export.sessions as sessions
from onnx_export.decoder import Decoder
from onnx_export.providers import CPU, CUDA, PREFERRED, choose, options_of
from srn_core.codec.field import NeuralField
from srn_core.errors import SrnInputError
from srn_core.spec import FvSrnSpec

BOX = (1.0, 0.8, 0.5)
TENSORRT, DML, COREML, OPENVINO = PREFERRED[1:]
Outputs = list[np.ndarray]


class Runtime:
    """onnxruntime, with a provider that in truth is the CPU, or fails as it is told to."""

    def __init__(self, provider: str = CUDA) -> None:
        self.provider = provider
        self.opened: list[str] = []
        self.options: list[Any] = []
        self.start: Callable[[], None] = lambda: None
        self.steps_down = False
        self.answer: Callable[[Outputs], Outputs] = lambda values: values
        self.known_options: Optional[set[str]] = None

    def __getattr__(self, name: str) -> Any:
        return getattr(onnxruntime, name)

    def get_available_providers(self) -> list[str]:
        return [self.provider, CPU]

    def InferenceSession(self, model: bytes, options: Any, providers: list[Any]) -> Any:
        real = onnxruntime.InferenceSession(model, options, providers=[CPU])
        first = providers[0] if isinstance(providers[0], str) else providers[0][0]
        self.opened.append(first)
        if first == CPU:
            return real
        self.options.append(providers[0][1])
        if self.known_options is not None and not set(providers[0][1]) <= self.known_options:
            raise ValueError("Unknown provider option")
        self.start()
        return Opened(self, real)


class Opened:
    def __init__(self, runtime: Runtime, real: Any) -> None:
        self.runtime, self.real = runtime, real

    def get_providers(self) -> list[str]:
        return [CPU] if self.runtime.steps_down else [self.runtime.provider, CPU]

    def get_inputs(self) -> Any:
        return self.real.get_inputs()

    def run(self, names: Any, feed: Any) -> Outputs:
        return self.runtime.answer(self.real.run(names, feed))


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Runtime:
    fake = Runtime()
    monkeypatch.setattr("onnx_export.providers.import_onnxruntime", lambda: fake)
    monkeypatch.setattr(sessions, "import_onnxruntime", lambda: fake)
    monkeypatch.setattr(sessions, "_useless", set())
    return fake


@pytest.fixture
def field() -> NeuralField:
    return random_field(FvSrnSpec(BOX, 2, (16, 16), 3, 4, (5, 6, 7), None))


def axes(*dims: int) -> list[np.ndarray]:
    return [np.linspace(-h, h, n) for h, n in zip(BOX, dims)]


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]


@pytest.mark.parametrize("name", ["cpu", "CPU", "CPUExecutionProvider", ["cpu"]])
def test_providers_have_short_names(name: Any) -> None:
    assert choose(name) == ([CPU], True)


def test_auto_takes_the_first_that_is_there() -> None:
    assert choose(None, [CPU]) == ([CPU], False)
    assert choose("auto", [TENSORRT, CUDA, CPU]) == ([CUDA, CPU], False)
    assert choose("auto", [CPU, OPENVINO, TENSORRT]) == ([TENSORRT, CPU], False)
    assert choose("auto", ["AzureExecutionProvider", CPU]) == ([CPU], False)
    assert PREFERRED == (CUDA, TENSORRT, DML, COREML, OPENVINO)


def test_a_choice_by_name() -> None:
    assert choose("cuda", [CUDA, CPU]) == ([CUDA, CPU], True)
    for short, name in zip(("cuda", "tensorrt", "dml", "coreml", "openvino"), PREFERRED):
        assert choose(short, [name, CPU]) == ([name, CPU], True)
    assert choose(["openvino", "cuda"], [CUDA, OPENVINO, CPU]) == ([OPENVINO, CUDA, CPU], True)
    with pytest.raises(SrnInputError, match="no provider 'cuda' here; it has: cpu.*onnxruntime-gpu"):
        choose("cuda", [CPU])
    with pytest.raises(SrnInputError, match="no provider 'dml' here; it has: cpu.*onnxruntime-directml"):
        choose("dml", [CPU])
    with pytest.raises(SrnInputError, match="no provider 'abacus'.*cuda, cpu"):
        choose("abacus", [CUDA, CPU])
    with pytest.raises(SrnInputError, match="no provider is named"):
        choose([], [CPU])


@pytest.mark.parametrize("name", ["auto", "cuda"])
def test_a_provider_that_works_is_used(field: NeuralField, runtime: Runtime, name: str) -> None:
    decoder = Decoder(field, providers=name)
    values = decoder.grid(*axes(3, 3, 3))
    assert decoder.providers == (CUDA, CPU) and "CUDA" in decoder.statement
    assert runtime.options == [{"use_tf32": "0"}], "in full precision"
    np.testing.assert_allclose(values, Decoder(field, providers="cpu").grid(*axes(3, 3, 3)), rtol=0, atol=1e-5)


def test_settings_that_a_release_does_not_know_are_left_out(field: NeuralField, runtime: Runtime) -> None:
    runtime.known_options = set()
    decoder = Decoder(field)
    decoder.points(np.zeros((2, 3)))
    assert decoder.providers == (CUDA, CPU)
    assert runtime.options == [options_of(CUDA), {}]


@pytest.mark.parametrize("failure", ["raises", "steps down"])
def test_one_that_does_not_start_is_left_for_the_cpu_once(
    field: NeuralField, runtime: Runtime, caplog: pytest.LogCaptureFixture, failure: str
) -> None:
    """As where ONNX Runtime lists CUDA but its libraries do not load."""

    def no_library() -> None:
        raise RuntimeError("libcudnn.so.9: cannot open shared object file\nand more")

    if failure == "raises":
        runtime.start = no_library
    else:
        runtime.steps_down = True
    decoder = Decoder(field)
    values = decoder.grid(*axes(3, 3, 3))
    decoder.points(np.zeros((2, 3)))
    assert decoder.providers == (CPU,)
    other = Decoder(field)
    other.points(np.zeros((2, 3)))
    assert other.providers == (CPU,), "and is not tried again in this process"
    (line,) = warnings(caplog)
    assert "CUDA" in line and ("libcudnn" in line or "do not load" in line) and "\n" not in line
    np.testing.assert_array_equal(values, Decoder(field, providers="cpu").grid(*axes(3, 3, 3)))
    with pytest.raises(SrnInputError, match="'cuda' cannot be used"):
        Decoder(field, providers="cuda").points(np.zeros((2, 3)))


@pytest.mark.parametrize("name", ["auto", "cuda"])
@pytest.mark.parametrize("after", [1, 4])
def test_one_that_fails_at_work_is_left_and_the_work_goes_on(
    field: NeuralField, runtime: Runtime, caplog: pytest.LogCaptureFixture, name: str, after: int
) -> None:
    runs = 0

    def out_of_memory(values: Outputs) -> Outputs:
        nonlocal runs
        runs += 1
        if runs > after:
            raise RuntimeError("CUDA failure 2: out of memory")
        return values

    runtime.answer = out_of_memory
    decoder = Decoder(field, providers=name, chunk=20)
    told: list[float] = []
    values = decoder.grid(*axes(6, 5, 4), progress=lambda p: told.append(p.fraction))
    np.testing.assert_allclose(values, Decoder(field, providers="cpu").grid(*axes(6, 5, 4)), rtol=0, atol=1e-5)
    assert decoder.providers == (CPU,) and told[-1] == 1.0
    decoder.points(np.zeros((50, 3)))
    (line,) = warnings(caplog)
    assert "out of memory" in line
    runs = -9
    assert Decoder(field).providers == (CUDA, CPU), "another decoder may have more luck"


def test_one_that_computes_in_few_bits_is_not_believed(
    field: NeuralField, runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    runtime.answer = lambda outputs: [v.astype(np.float16).astype(np.float32) for v in outputs]
    decoder = Decoder(field)
    decoder.grid(*axes(3, 3, 3))
    assert decoder.providers == (CPU,)
    (line,) = warnings(caplog)
    assert "from the CPU's" in line


def test_what_fails_on_the_cpu_is_told(field: NeuralField) -> None:
    session = Decoder(field, providers="cpu")._session("points")
    with pytest.raises(Exception, match="points"):
        session.run(None, {"points": np.zeros((2, 5), np.float32)})
