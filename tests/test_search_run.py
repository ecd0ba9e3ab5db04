"""Searches as they run: workers, limits, failures, kills, and what is left of it all."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch")

from searches import WIDE, volume_file

from srn_core.errors import SrnFormatError, SrnInputError
from srn_core.search import SearchRequest, SearchResult, Source, search
from srn_core.search.defaults import default_jobs
from srn_core.search.journal import Journal
from srn_core.search.outputs import hypervolumes, write
from srn_core.search.request import Record
from srn_core.search.runner import Runner
from srn_core.search.trial import Trial
from srn_core.search.workers import Workers

ROOT = Path(__file__).resolve().parents[1]
FIXED = {"training.passes": 2.0, "training.batch": 512}
ASKED = SearchRequest(generator="sobol", trials=3, seconds=30.0, margin=None, fixed=FIXED, freed=WIDE)
LONG = {"network": "neurcomp", "pruner": "none", "target.ratio": 3, "training.seconds": 60, "training.passes": 1e6}
QUICK = {"pruner": "smallify", "target.ratio": 3, **FIXED}


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Source:
    return Source(str(volume_file(tmp_path_factory.mktemp("volume"))))


@pytest.fixture(scope="module")
def done(source, tmp_path_factory) -> tuple[Path, SearchResult]:
    """A search of three trials and its tables."""
    folder = tmp_path_factory.mktemp("searches") / "found"
    result = search(source, folder, replace(ASKED, keep_files=True))
    write(folder, result)
    return folder, result


@pytest.fixture
def workers(source, tmp_path):
    with Workers(1, {"path": source.path}, 60.0, tmp_path) as pool:
        yield pool


def ended(pool: Workers, job: str, settings: dict, **order: object):
    pool.start(job, {"settings": settings, **order})
    while True:
        for end in pool.wait(0.2):
            assert end.job == job
            return end


def rows(path: Path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_trial_that_fails_is_told_and_the_next_one_runs(workers):
    failed = ended(workers, "impossible", {**QUICK, "target.ratio": 1e5})
    assert failed.status == "failed" and "lower ratio" in failed.reason
    wrong = ended(workers, "wrong", {"fvsrn.depth": 3})
    assert wrong.status == "failed" and "unknown setting" in wrong.reason
    right = ended(workers, "possible", QUICK)
    assert right.status == "done"
    assert right.measured["ratio"] >= 3 and right.measured["psnr"] > 5
    assert right.measured["initial_parameters"] > 0 and len(right.measured["initial_grid"]) == 3


def test_a_trial_beyond_its_limit_is_killed_and_the_next_one_runs(workers):
    begun, workers._limit = time.monotonic(), 1.0
    killed = ended(workers, "long", LONG)
    assert killed.status == "killed" and "--limit" in killed.reason
    assert time.monotonic() - begun < 30
    workers._limit = 60.0
    assert ended(workers, "next", QUICK).status == "done"


def test_a_hopeless_trial_is_stopped(workers):
    end = ended(workers, "poor", QUICK, floors=[150.0, 150.0])
    assert end.status == "hopeless" and "150.0 dB" in end.reason and 0 < end.psnr < 150


def test_a_process_that_dies_costs_one_trial(workers):
    workers.start("doomed", {"settings": LONG})
    while not workers._workers[0].ready:
        assert workers.wait(0.1) == []
    workers._workers[0].process.kill()
    ends = []
    while not ends:
        ends = workers.wait(0.2)
    assert [(end.job, end.status) for end in ends] == [("doomed", "failed")] and "process ended" in ends[0].reason
    assert ended(workers, "next", QUICK).status == "done"


def test_workers_that_cannot_begin_end_the_search(tmp_path):
    with Workers(1, {"path": str(tmp_path / "no.npy")}, 9.0, tmp_path) as pool:
        pool.start("job", {"settings": QUICK})
        with pytest.raises(SrnInputError, match="ended before it began.*no.npy"):
            while True:
                pool.wait(0.2)


def test_a_worker_ends_when_its_search_is_gone(source):
    process = subprocess.Popen(
        [sys.executable, "-m", "srn_core.search.worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps({"path": source.path}).encode() + b"\n")
    process.stdin.write(json.dumps({"settings": LONG}).encode() + b"\n")
    process.stdin.close()
    assert process.wait(30) == 0


def test_tables_tell_all_trials_and_the_front(done):
    folder, result = done
    assert [trial.status for trial in result.of_kind("search")] == ["done"] * 3
    told = rows(folder / "trials.csv")
    assert [int(row["trial"]) for row in told] == [0, 1, 2]
    assert all(float(row["ratio"]) >= float(row["target.ratio"]) and row["training.passes"] == "2" for row in told)
    assert len(json.loads((folder / "trials.json").read_text())) == 3
    front = rows(folder / "front.csv")
    assert [float(row["ratio"]) for row in front] == sorted(float(row["ratio"]) for row in front)
    assert [float(row["psnr"]) for row in front] == sorted((float(row["psnr"]) for row in front), reverse=True)
    volumes = [float(row["hypervolume"]) for row in rows(folder / "hypervolume.csv")]
    assert volumes == sorted(volumes) and volumes[-1] > 0 and len(volumes) == 3


def test_configs_and_files_of_the_front_are_ready(done, tmp_path):
    folder, _ = done
    front = rows(folder / "front.csv")
    assert sorted(p.name for p in (folder / "front").iterdir()) == sorted(
        f"{n:02d}.{ending}" for n in range(1, len(front) + 1) for ending in ("json", "srn")
    )
    assert len(list((folder / "files").iterdir())) == len(front), "files off the front are gone"
    out = tmp_path / "again.srn"
    volume = json.loads((folder / "search.json").read_text())["source"]["path"]
    command = ["compress", volume, str(out), "--config", str(folder / "front" / "01.json"), "--json"]
    one = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "filters")]), "OMP_NUM_THREADS": "1"}
    found = subprocess.run([sys.executable, "-m", "srn_core.cli", *command], capture_output=True, text=True, env=one)
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout)["psnr"] == pytest.approx(float(front[0]["psnr"]), abs=1e-4)
    assert out.read_bytes() == (folder / "front" / "01.srn").read_bytes()


def test_the_same_seed_gives_the_same_trials_with_any_number_of_workers(done, source, tmp_path):
    again = search(source, tmp_path / "again", replace(ASKED, workers=2))
    for first, second in zip(done[1].of_kind("search"), again.of_kind("search")):
        assert first.parameters == second.parameters
        assert (first.measured["bytes"], first.measured["psnr"]) == (second.measured["bytes"], second.measured["psnr"])


def test_a_search_stopped_half_way_goes_on_where_it_was(done, source, tmp_path):
    folder = tmp_path / "stopped"
    stopped = search(source, folder, ASKED, progress=lambda report: not Journal(folder).read())
    assert stopped.stopped and 1 <= len(stopped.trials) < 3
    with open(folder / "trials.jsonl", "ab") as file:
        file.write(b'{"kind": "search", "ind')  # what a kill in the middle of a line leaves
    whole = search(source, folder, replace(ASKED, workers=2), resume=True)
    assert not whole.stopped
    assert [t.parameters for t in whole.of_kind("search")] == [t.parameters for t in done[1].of_kind("search")]
    assert [json.loads(line)["index"] for line in (folder / "trials.jsonl").read_bytes().splitlines()] == [
        trial.index for trial in whole.trials
    ]
    more = search(source, folder, replace(ASKED, trials=4), resume=True)
    assert len(more.trials) == 4 and Record.load(folder).request.trials == 4


def test_a_search_that_was_killed_goes_on(source, tmp_path):
    folder = tmp_path / "killed"
    arguments = [
        "search",
        source.path,
        "--out",
        str(folder),
        "--generator",
        "sobol",
        "--trials",
        "4",
        "--margin",
        "none",
    ]
    arguments += ["--free", "target.ratio=2:8", *(f"--fix={name}={value:g}" for name, value in FIXED.items())]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "filters")])}
    process = subprocess.Popen([sys.executable, "-m", "srn_core.cli", *arguments, "--quiet"], env=environment)
    until = time.monotonic() + 60
    while not (folder / "trials.jsonl").exists() and time.monotonic() < until:
        time.sleep(0.02)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    before = Journal(folder).read()
    assert 1 <= len(before) < 4
    command = [sys.executable, "-m", "srn_core.cli", *arguments, "--resume", "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["trials"] == 4
    assert Journal(folder).read()[: len(before)] == before


def test_ctrl_c_leaves_tables_and_a_journal(source, tmp_path):
    folder = tmp_path / "interrupted"
    arguments = ["search", source.path, "--out", str(folder), "--generator", "sobol", "--trials", "500"]
    arguments += ["--free", "target.ratio=2:8", *(f"--fix={name}={value:g}" for name, value in FIXED.items())]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "filters")])}
    command = [sys.executable, "-m", "srn_core.cli", *arguments]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 60
    while not (folder / "trials.jsonl").exists() and time.monotonic() < until:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130 and "--resume" in errors
    assert len(rows(folder / "trials.csv")) == len(Journal(folder).read()) >= 1


def test_the_defaults_are_five_ratios_that_the_volume_bears(source):
    record = Record.of(replace(ASKED, defaults=True), source, source.read())
    jobs = default_jobs(record)
    product, own = jobs[:5], jobs[5:]
    for five in (product, own):
        ratios = [job.settings["target.ratio"] for job in five]
        assert len(ratios) == 5 and ratios == sorted(ratios) and ratios[0] == 2 and ratios[-1] == 8
    timed = {"device", "seed", "network", "pruner", "predictor", "training.seconds", "target.ratio"}
    assert all(set(job.settings) == timed and job.settings["pruner"] == "rate" for job in product)
    assert all(job.settings["pruner"] == "smallify" and job.settings["training.passes"] == 2 for job in own)
    assert [job.index for job in jobs] == list(range(10))
    by_rate = replace(record, request=replace(record.request, pruner="rate", fixed={}, freed={}))
    ratios = [job.settings["target.ratio"] for job in default_jobs(by_rate)]
    assert len(ratios) == 5 and record.nbytes / ratios[-1] == pytest.approx(1500, rel=1e-3)
    assert default_jobs(Record.of(ASKED, source, source.read())) == []


@pytest.mark.slow
def test_the_defaults_are_measured_beside(source, tmp_path, monkeypatch):
    monkeypatch.setattr("srn_core.search.defaults.DEFAULT_RATIOS", 2)
    asked = replace(ASKED, trials=1, seconds=1.0, defaults=True)
    result = search(source, tmp_path / "defaults", asked)
    assert [trial.status for trial in result.of_kind("default")] == ["done"] * 4
    assert list(result.defaults()) == ["fvsrn rate", "fvsrn smallify"]
    for found in result.defaults().values():
        ratios = [trial.measured["ratio"] for trial in found]
        assert len(ratios) == 2 and ratios == sorted(ratios)
    assert all(trial.kind == "search" for trial in result.front()) and len(hypervolumes(result)) == 1


def test_trials_far_below_the_front_get_a_floors(source, tmp_path):
    record = Record.of(replace(ASKED, margin=12.0), source, source.read())
    best = Trial("search", 0, {}, {}, "done", "", {"ratio": 4.0, "psnr": 50.0})
    runner = Runner(record, tmp_path, Journal(tmp_path), [best])
    assert runner._floors({"target.ratio": 3.0}) == pytest.approx((26.0, 38.0))
    assert runner._floors({"target.ratio": 5.0}) is None, "beyond the front anything is welcome"
    unasked = Runner(replace(record, request=ASKED), tmp_path, Journal(tmp_path), [best])
    assert unasked._floors({"target.ratio": 3.0}) is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"trials": 0}, "trials must be from 1"),
        ({"workers": 1000}, "workers must be from 1"),
        ({"seconds": 0.0}, "seconds must be more than 0"),
        ({"seconds": float("nan")}, "seconds must be more than 0"),
        ({"margin": -1.0}, "margin must be more than 0"),
        ({"generator": "grid"}, "generator must be one of"),
        ({"start": 0}, "start must be at least 1"),
        ({"seed": -1}, "seed must be"),
        ({"objectives": ("ratio", "ratio")}, "two objectives"),
    ],
)
def test_bad_requests_are_refused(change, words):
    with pytest.raises(SrnInputError, match=words):
        replace(ASKED, **change)


def test_folders_that_hold_something_else_are_refused(done, source, tmp_path):
    folder, _ = done
    with pytest.raises(SrnInputError, match="--resume to go on"):
        search(source, folder, ASKED)
    with pytest.raises(SrnInputError, match="has seed 0, not 3"):
        search(source, folder, replace(ASKED, seed=3), resume=True)
    with pytest.raises(SrnInputError, match="another volume"):
        search(
            Source(str(volume_file(tmp_path, 12))), folder, replace(ASKED, freed={"target.ratio": "2:4"}), resume=True
        )
    with pytest.raises(SrnInputError, match="holds no search"):
        search(source, tmp_path / "nothing", ASKED, resume=True)
    with pytest.raises(SrnInputError, match="not empty"):
        search(source, tmp_path, ASKED)


def test_damaged_records_and_journals_are_told(done, tmp_path):
    folder, _ = done
    record = json.loads((folder / "search.json").read_text())
    for content in ("{", "[]", json.dumps({**record, "format": 99}), json.dumps({**record, "dims": None, "x": 1})):
        (tmp_path / "search.json").write_text(content)
        with pytest.raises(SrnFormatError, match=r"search\.json"):
            Record.load(tmp_path)
    for line in (b"{}\n", b"no\n", b'{"kind": "search", "index": 0, "status": "done"}\n', b"[" * 5000 + b"\n"):
        (tmp_path / "trials.jsonl").write_bytes(line)
        with pytest.raises(SrnFormatError, match="line 1 of"):
            Journal(tmp_path).read()
