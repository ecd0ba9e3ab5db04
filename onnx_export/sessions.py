"""ONNX Runtime's sessions of one decoder: opened when first used, on the CPU where a better provider fails."""

from __future__ import annotations

import logging
from threading import RLock
from typing import Any, Callable, Mapping, Optional, Sequence

import numpy as np

from onnx_export.packages import import_onnxruntime
from onnx_export.providers import CPU, ProviderChoice, choose, options_of, short_name
from srn_core.errors import SrnInputError

log = logging.getLogger(__name__)

Build = Callable[[bool], bytes]
"""The serialised model, made for a CPU or not."""
Feed = Mapping[str, np.ndarray]

TOLERANCE = 1e-4
"""How far a provider's values may be from the CPU's, in units of the largest one, before it is not believed: arithmetic
in half precision, or with the 10 bits of TF32, which some providers choose by themselves, is further off."""

_useless: set[str] = set()
"""Providers that are of no use in this process: they are not tried, and not complained about, again."""


class UnusableProvider(Exception):
    """A provider that does not start, or computes something else."""


class Session:
    """One model. Runs as an ``onnxruntime.InferenceSession`` does, wherever that works at the moment."""

    def __init__(self, owner: Sessions, kind: str) -> None:
        self._owner, self._kind = owner, kind

    def run(self, names: Optional[Sequence[str]], feed: Feed) -> list[np.ndarray]:
        """The outputs of these ``names``, None: all. What a provider cannot do is done on the CPU.

        Inputs that only the CPU's model has are left out elsewhere.
        """
        while True:
            opened, provider = self._owner.opened(self._kind)
            known = {put.name for put in opened.get_inputs()}
            try:
                return list(opened.run(names, {name: value for name, value in feed.items() if name in known}))
            except Exception as error:  # each provider raises what it likes
                if provider == CPU:
                    raise
                self._owner.leave(provider, error)


class Sessions:
    """The sessions of one decoder, by kind. All of them run on the same provider.

    A provider that fails is left for the CPU with a warning, and the work goes on. One that was asked for by name and
    does not even start raises SrnInputError.
    """

    def __init__(self, choice: ProviderChoice, threads: int) -> None:
        self._providers, self._named = choose(choice)
        if not self._named and self._providers[0] in _useless:
            self._providers = [CPU]
        self._threads = threads
        self._models: dict[str, tuple[Build, Optional[Feed]]] = {}
        self._opened: dict[str, Any] = {}
        self._lock = RLock()
        self._told = False

    @property
    def providers(self) -> tuple[str, ...]:
        """ONNX Runtime's names, the first doing the work; one that was never used may still turn out not to work."""
        return tuple(self._providers)

    @property
    def on_cpu(self) -> bool:
        """Whether the CPU does the work."""
        return self._providers[0] == CPU

    @property
    def tried(self) -> bool:
        """Whether any session was opened, so that :attr:`providers` is known to work."""
        return bool(self._opened)

    @property
    def statement(self) -> str:
        """One line that says what this runs on."""
        version = import_onnxruntime().__version__
        threads = f", {self._threads} thread{'s' if self._threads > 1 else ''}" if self.on_cpu else ""
        return f"decoding with ONNX Runtime {version} on {short_name(self._providers[0]).upper()}{threads}"

    def session(self, kind: str, build: Build, probe: Optional[Feed] = None) -> Session:
        """The session of a kind, opened now where it is not yet.

        ``build`` makes its model. ``probe``: inputs on which a provider has to give what the CPU gives.
        """
        with self._lock:
            self._models.setdefault(kind, (build, probe))
            self.opened(kind)
        return Session(self, kind)

    def opened(self, kind: str) -> tuple[Any, str]:
        """(ONNX Runtime's session of a kind, the provider it runs on)."""
        with self._lock:
            while kind not in self._opened:
                provider = self._providers[0]
                try:
                    self._opened[kind] = self._open(kind, provider)
                except UnusableProvider as error:
                    if self._named and not self._opened:
                        raise SrnInputError(
                            f"ONNX Runtime's provider '{short_name(provider)}' cannot be used here ({_reason(error)}); "
                            "choose 'cpu', or install the libraries it needs"
                        ) from error
                    _useless.add(provider)
                    self.leave(provider, error)
                except Exception as error:  # in its first run, as in any other
                    if provider == CPU:
                        raise
                    self.leave(provider, error)
            if not self._told:
                self._told = True
                log.info(self.statement)
            return self._opened[kind], self._providers[0]

    def leave(self, provider: str, error: Exception) -> None:
        """Go on without a provider that failed. Says so once."""
        with self._lock:
            if self._providers[0] != provider:  # another thread was faster
                return
            log.warning(
                "%s cannot be used (%s): decoding goes on on the CPU", short_name(provider).upper(), _reason(error)
            )
            self._providers = [CPU]
            self._opened.clear()

    def _open(self, kind: str, provider: str) -> Any:
        build, probe = self._models[kind]
        if provider == CPU:
            return start(build(True), CPU)
        model = build(False)
        session = start(model, provider)
        if probe is not None:
            _compare(session, start(model, CPU), probe)
        return session


def start(model: bytes, provider: str) -> Any:
    """A session. Raises UnusableProvider, also where ONNX Runtime steps down to the CPU by itself."""
    runtime = import_onnxruntime()
    options = runtime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    if provider == CPU:
        return runtime.InferenceSession(model, options, providers=[CPU])
    options.enable_mem_pattern = False  # DirectML demands it; sizes differ from run to run anyway
    reason = "its libraries do not load"
    for settings in (options_of(provider), {}):  # a release that does not know a setting refuses all
        try:
            session = runtime.InferenceSession(model, options, providers=[(provider, settings), (CPU, {})])
            if session.get_providers()[0] == provider:
                return session
        except Exception as error:  # each provider raises what it likes
            reason = _reason(error)
    raise UnusableProvider(reason)


def _compare(session: Any, reference: Any, probe: Feed) -> None:
    """Raises UnusableProvider where two sessions give different values."""
    for found, wanted in zip(session.run(None, dict(probe)), reference.run(None, dict(probe))):
        apart = float(np.abs(np.asarray(found, np.float64) - wanted).max(initial=0.0))
        if not apart <= TOLERANCE * max(float(np.abs(wanted).max(initial=0.0)), 1.0):
            raise UnusableProvider(f"its values are {apart:.2g} from the CPU's")


def _reason(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
