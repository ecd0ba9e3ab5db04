"""The generators: what they propose, and what they go by."""

from __future__ import annotations

import math
import sys
from dataclasses import replace

import pytest

pytest.importorskip("torch")

from srn_core.errors import SrnInputError, SrnMissingPackageError
from srn_core.search import ax_generator
from srn_core.search.ax_generator import AxGenerator
from srn_core.search.generators import Known, SobolGenerator, generator
from srn_core.search.objectives import objectives
from srn_core.search.space import Space
from srn_core.search.trial import Trial

WANTED = objectives(("ratio", "psnr"))
SPACE = Space.of(
    "fvsrn", "smallify", "target", (32, 32, 32), 32**3 * 4, {}, {"fvsrn.wavelet": "haar,db2", "target.ratio": "5:50"}
)
NOTHING = Known((), ())


def trial(index: int, status: str = "done", ratio: float = 10.0, psnr: float = 30.0) -> Trial:
    parameters = SobolGenerator(SPACE, WANTED, 5, 5).propose(index, NOTHING)
    measured = {"ratio": ratio, "psnr": psnr} if status == "done" else {}
    return Trial("search", index, parameters, SPACE.settings(parameters), status, "", measured)


class Client:
    """Stands in for Ax' client, and remembers."""

    made: list[Client] = []

    def __init__(self) -> None:
        self.attached, self.completed, self.failed = [], {}, []
        Client.made.append(self)

    def attach_trial(self, parameters):
        self.attached.append(parameters)
        return len(self.attached) - 1

    def complete_trial(self, number, values):
        self.completed[number] = values

    def mark_trial_failed(self, number):
        self.failed.append(number)

    def get_next_trials(self, count):
        assert count == 1
        # A little over a bound, and a whole number as another type, as rounding may leave them.
        return {9: {**self.attached[0], "target.ratio": 50.000001, "fvsrn.layers": 2.0}}


@pytest.fixture
def ax(monkeypatch) -> AxGenerator:
    Client.made = []
    monkeypatch.setattr(ax_generator, "_client_class", lambda: Client)
    monkeypatch.setattr(AxGenerator, "_client", lambda self, index: Client())
    return AxGenerator(SPACE, WANTED, 5, 5)


def test_sobol_points_are_spread_and_the_same_again():
    sobol = SobolGenerator(SPACE, WANTED, 3, 5)
    found = [sobol.propose(i, NOTHING) for i in range(8)]
    assert found == [SobolGenerator(SPACE, WANTED, 3, 5).propose(i, NOTHING) for i in range(8)]
    assert found != [SobolGenerator(SPACE, WANTED, 4, 5).propose(i, NOTHING) for i in range(8)]
    assert all(SPACE.holds(parameters) for parameters in found)
    shares = sorted(SPACE.free["target.ratio"].share_of(p["target.ratio"]) for p in found)
    assert [int(share * 4) for share in shares] == [0, 0, 1, 1, 2, 2, 3, 3]


def test_ax_begins_spread_evenly_and_goes_on_so_while_nothing_is_known(ax):
    sobol = SobolGenerator(SPACE, WANTED, 5, 5)
    assert ax.propose(4, NOTHING) == sobol.propose(4, NOTHING)
    failed = [trial(i, "failed") for i in range(6)]
    assert ax.propose(6, Known(failed, ())) == sobol.propose(6, NOTHING)
    assert Client.made == []


def test_ax_is_told_results_failures_and_what_is_under_way(ax):
    hopeless = replace(trial(1, "hopeless"), extra={"psnr_estimate": 12.0})
    finished = [trial(0), hopeless, trial(2, ratio=20.0), trial(3, "killed"), trial(4, psnr=40.0)]
    running = [trial(5).parameters]
    proposed = ax.propose(6, Known(finished, running))
    (client,) = Client.made
    assert client.attached == [dict(t.parameters) for t in finished] + running
    assert set(client.completed) == {0, 1, 2, 4} and client.failed == [3]
    asked = hopeless.settings["target.ratio"]
    assert client.completed[1] == {"ratio": pytest.approx(math.log(asked)), "psnr": 12.0}, "as it was about to end"
    assert client.completed[4] == {"ratio": pytest.approx(2.302585), "psnr": 40.0}
    assert proposed["target.ratio"] == 50.0 and proposed["fvsrn.layers"] == 2 and SPACE.holds(proposed)


def test_trials_of_another_space_are_not_told(ax):
    strange = Trial("search", 9, {"fvsrn.layers": 2}, {}, "done", "", {"ratio": 2.0, "psnr": 1.0})
    ax.propose(6, Known([trial(0), trial(1), trial(2), strange], ()))
    assert len(Client.made[0].attached) == 3


def test_without_ax_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ax", None)
    monkeypatch.setitem(sys.modules, "ax.api.client", None)
    with pytest.raises(SrnMissingPackageError, match=r"sobol.*paraview-srn\[search\]"):
        generator("ax", SPACE, WANTED, 0, 5)
    assert isinstance(generator("sobol", SPACE, WANTED, 0, 5), SobolGenerator)
    with pytest.raises(SrnInputError, match="known generators: ax, sobol"):
        generator("grid", SPACE, WANTED, 0, 5)


@pytest.mark.slow
def test_ax_itself_proposes_within_the_space_and_the_same_again():
    """Needs the extra "search"; Ax takes seconds for a proposal."""
    pytest.importorskip("ax.api.client")
    small = Space.of("fvsrn", "rate", "target", (32, 32, 32), 32**3 * 4, {}, {})
    spread = SobolGenerator(small, WANTED, 5, 5)
    finished = []
    for index in range(6):
        parameters = spread.propose(index, NOTHING)
        measured = {"ratio": parameters["target.ratio"], "psnr": 50.0 - parameters["target.ratio"] / 4}
        finished.append(Trial("search", index, parameters, small.settings(parameters), "done", "", measured))
    known = Known([*finished, replace(finished[0], index=6, status="failed", measured={})], ())
    proposed = generator("ax", small, WANTED, 5, 5).propose(8, known)
    assert small.holds(proposed)
    assert proposed == generator("ax", small, WANTED, 5, 5).propose(8, known)
    assert proposed != spread.propose(8, NOTHING)
