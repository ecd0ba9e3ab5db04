"""What is read from a search: sensitivities, regressions, quality control, pictures, peers."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch")

from searches import made_up, volume_file

from srn_core.errors import SrnInputError
from srn_core.prediction.predictor import Predictor
from srn_core.prediction.regression import INTERCEPT, fit
from srn_core.prediction.rules import LN_RATIO, predicted
from srn_core.search import SearchRequest, Source, report
from srn_core.search.analysis import Analysis
from srn_core.search.check_fit import run_checks, write_checks
from srn_core.search.comparison import compared, gain
from srn_core.search.figures import draw_front
from srn_core.search.fitting import fit_predictor
from srn_core.search.journal import Journal
from srn_core.search.outputs import write
from srn_core.search.peers import peers, read
from srn_core.search.request import Record
from srn_core.search.runner import SearchResult
from srn_core.search.trial import Trial

DIMS = (16, 16, 16)


def rows(path: Path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def found(tmp_path_factory) -> tuple[Path, Analysis]:
    folder = tmp_path_factory.mktemp("report") / "found"
    made_up(folder)
    return folder, Analysis.of(report.load(folder))


def test_fit_finds_the_line_and_its_share_of_the_variance():
    line = fit({"x": [0.0, 1.0, 2.0], "same": [1.0, 1.0, 1.0]}, [1.0, 3.0, 5.0])
    assert line.coefficients == {"x": pytest.approx(2.0), INTERCEPT: pytest.approx(1.0)}
    assert line.r2 == pytest.approx(1.0) and line.at({"x": 3.0}) == pytest.approx(7.0)
    rough = fit({"x": [0.0, 1.0, 2.0, 3.0]}, [0.0, 1.0, 0.0, 1.0])
    assert rough.r2 == pytest.approx(0.2)
    assert fit({"x": [1.0, 1.0]}, [2.0, 2.0]).coefficients == {INTERCEPT: 2.0}


def test_what_governs_the_ratio_stands_first(found):
    _, analysis = found
    first = analysis.sensitivity()[0]
    assert first["setting"] == "smallify.lambda_beta" and first["r2"] > 0.9 and first["slope"] > 3
    best = report.regression_rows(analysis)[0]
    assert best["setting"] == "smallify.lambda_beta" and best["scale"] == "ln"
    assert 1.5 < best["slope"] < 3.0, "the ratio goes as its root"
    middling = {row["setting"]: row["r2"] for row in report.regression_rows(analysis)}
    assert middling["fvsrn.layers"] < 0.3


def test_predicted_settings_lie_on_the_line_and_in_the_space(found):
    _, analysis = found
    line = analysis.regressions()["smallify.lambda_beta"]
    predicted = analysis.predicted(50.0)
    assert math.log(predicted["smallify.lambda_beta"]) == pytest.approx(line.at({LN_RATIO: math.log(50.0)}))
    layers = sorted(trial.parameters["fvsrn.layers"] for trial in analysis.front)
    assert predicted["fvsrn.layers"] == layers[(len(layers) - 1) // 2]
    assert analysis.predicted(1e9)["smallify.lambda_beta"] == 1e-3, "no further than the range goes"
    assert analysis.front_psnr(50.0) == pytest.approx(80.0 - 8.0 * math.log(50.0), abs=0.01)


def test_network_before_pruning_by_the_final_ratio(found):
    _, analysis = found
    points, line = analysis.initial()["initial_ratio"]
    assert len(points) == len(analysis.front) and line.coefficients[LN_RATIO] == pytest.approx(0.5, abs=0.02)
    grids, _ = analysis.initial()["initial_grid"]
    assert {value for _, value in grids} == {512.0}


def test_report_writes_tables_and_their_pictures(found, tmp_path):
    _, analysis = found
    report.write_tables(tmp_path, analysis)
    assert len(rows(tmp_path / "sensitivity.csv")) == len(rows(tmp_path / "regressions.csv")) == len(analysis.domains)
    assert {row["figure"] for row in rows(tmp_path / "initial_fits.csv")} == {"initial_ratio", "initial_grid"}
    pytest.importorskip("matplotlib")
    for name in report.draw(tmp_path, analysis):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")
    assert {path.name for path in tmp_path.glob("*.png")} == {"sensitivity.png", "regressions.png", "initial.png"}


def test_a_front_of_two_points_tells_nothing(tmp_path):
    result = made_up(tmp_path / "few", trials=2)
    with pytest.raises(SrnInputError, match="more --trials and --resume"):
        Analysis.of(result)


def test_check_fit_runs_what_the_fits_predict(tmp_path):
    """Real trainings of one pass, on a front that is made up: what comes out is another thing, and that is told."""
    folder = tmp_path / "found"
    analysis = Analysis.of(made_up(folder, trials=8, fixed={"training.passes": 1.0, "training.batch": 512}))
    result, checks = run_checks(folder, analysis, 2)
    ratios = [analysis.ratio(trial) for trial in analysis.front]
    assert [row["status"] for row in checks] == ["done", "done"], checks
    assert [row["ratio_expected"] for row in checks] == pytest.approx([min(ratios), max(ratios)], rel=1e-3)
    assert all(row["ratio"] > 0 and row["psnr"] > 0 for row in checks)
    assert [trial.index for trial in result.of_kind("check")] == [0, 1]
    assert len(Journal(folder).read()) == 10 and len(result.front()) == len(analysis.front)
    write_checks(folder, checks, draw=True)
    assert len(rows(folder / "check_fit.csv")) == 2 and (folder / "check_fit.png").exists()


def test_check_fit_refuses_another_volume_and_silly_numbers(found, tmp_path):
    folder, analysis = found
    with pytest.raises(SrnInputError, match="from 1 to 1000"):
        run_checks(folder, analysis, 0)
    record = replace(analysis.result.record, source=Source(str(volume_file(tmp_path, 8))))
    with pytest.raises(SrnInputError, match="not the volume that was searched"):
        run_checks(folder, replace(analysis, result=replace(analysis.result, record=record)), 1)


def test_front_is_drawn_with_the_peers_of_its_volume(found, tmp_path):
    pytest.importorskip("matplotlib")
    _, analysis = found
    record = analysis.result.record
    table = tmp_path / "peers.csv"
    table.write_text(
        "volume,crc32,method,ratio,psnr\n"
        f"theirs,{record.crc32},sperr,50,40\ntheirs,{record.crc32},sperr,20,45\nother,00000000,sperr,20,99\n"
    )
    curves = peers(read(table), record)
    assert curves == {"sperr": [(20.0, 45.0), (50.0, 40.0)]}
    draw_front(tmp_path, analysis.result, curves)
    assert (tmp_path / "front.png").read_bytes().startswith(b"\x89PNG")


def test_the_front_of_another_search_is_a_peer(found, tmp_path):
    _, analysis = found
    write(tmp_path, analysis.result)
    assert list(peers(read(tmp_path / "front.csv"), analysis.result.record)) == ["fvsrn smallify"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no column 'volume'"),
        ("volume,method,ratio\na,b,1\n", "no column 'psnr'"),
        ("volume,method,ratio,psnr\na,b,1,many\n", "line 2 of"),
        ("volume,method,ratio,psnr\na,b,1,2\nc,b,1,2\n", "of a, c, but not of this volume"),
        (None, "cannot read the peers"),
    ],
)
def test_bad_peers_are_refused(found, tmp_path, text, words):
    table = tmp_path / "peers.csv"
    if text is not None:
        table.write_text(text)
    with pytest.raises(SrnInputError, match=words):
        peers(read(table), found[1].result.record)


def test_a_record_reads_back_as_it_was(found):
    folder, analysis = found
    assert Record.load(folder) == analysis.result.record
    assert isinstance(Record.load(folder).request, SearchRequest)


def test_a_fitted_predictor_tells_what_the_analysis_tells_and_where_it_is_from(found, tmp_path):
    _, analysis = found
    made = fit_predictor([analysis.result])
    made.save(tmp_path / "p.json")
    assert Predictor.load(tmp_path / "p.json") == Predictor.load(tmp_path / "p.json")
    rule = Predictor.load(tmp_path / "p.json").rule("fvsrn", "smallify")
    told = predicted(rule, 50.0, analysis.result.record.statistics, DIMS)
    assert told.settings["smallify.lambda_beta"] == pytest.approx(analysis.predicted(50.0)["smallify.lambda_beta"])
    assert told.settings["pruning.thresholds"] == "fixed" and len(told.settings["fvsrn.grid"]) == 3
    assert told.r2["smallify.lambda_beta"] > 0.9 and told.notes == ()
    (data,) = json.loads((tmp_path / "p.json").read_text())["data"]
    assert data["crc32"] == analysis.result.record.crc32 and len(data["front"]) == len(analysis.front)
    assert len(data["coded"]) == len(analysis.result.record.coded) == made.sizes.points > 0


def test_a_predictor_of_many_volumes_goes_by_their_statistics(tmp_path):
    """Volumes of six sizes; the setting goes as size^-1 at equal ratios."""
    results = []
    for number, size in enumerate((8, 10, 12, 14, 16, 18)):
        result = made_up(tmp_path / str(size), seed=number, size=size)
        trials = [
            replace(t, measured={**t.measured, "ratio": t.measured["ratio"] * (size / 12.0) ** 1.5,
                                 "psnr": t.measured["psnr"]})
            for t in result.trials
        ]  # fmt: skip
        results.append(SearchResult(result.record, trials))
    (rule,) = fit_predictor(results).rules
    small, large = (
        predicted(rule, 60.0, result.record.statistics, DIMS).settings["smallify.lambda_beta"]
        for result in (results[0], results[-1])
    )
    assert small > 2.0 * large
    known = {name: found.r2 for name, found in rule.settings.items()}
    assert known["smallify.lambda_beta"] > 0.8
    assert known["fvsrn.layers"] < 0.1 > known["fvsrn.learning_rate"], "chance tells nothing of other volumes"


def test_what_was_known_of_others_stays(found):
    _, analysis = found
    other = {"volume": "a", "crc32": "00000000", "coded": [analysis.result.record.coded[0].to_dict()]}
    mine = fit_predictor([analysis.result])
    (own,) = mine.rules
    known = Predictor(None, (replace(own, pruner="mask"), replace(own, ratios=(1.0, 2.0))), None, (other,))
    both = fit_predictor([analysis.result], known)
    assert [(rule.pruner, rule.ratios) for rule in both.rules] == [("mask", own.ratios), ("smallify", own.ratios)]
    assert both.sizes.points == mine.sizes.points + 1 and len(both.data) == 2
    again = fit_predictor([analysis.result], both)
    assert len(again.data) == 2 and again.sizes == both.sizes, "a search counts once"
    with pytest.raises(SrnInputError, match="at least one search"):
        fit_predictor([])


def test_defaults_are_compared_with_the_front_at_equal_ratios(found, tmp_path):
    _, analysis = found
    ratios = (analysis.ratio(analysis.front[0]), analysis.ratio(analysis.front[-1]))
    below = [
        replace(analysis.front[0], kind="default", index=n, settings={"network": "fvsrn", "pruner": "rate"},
                measured={**analysis.front[0].measured, "ratio": ratio, "psnr": 78.0 - 8.0 * math.log(ratio)})
        for n, ratio in enumerate(ratios)
    ]  # fmt: skip
    result = SearchResult(analysis.result.record, [*analysis.result.trials, *below])
    front, defaults = compared(result)
    assert front["points"] == len(analysis.front) and defaults["method"] == "defaults: fvsrn rate"
    assert defaults["front_gain_db"] == pytest.approx(2.0, abs=0.05) and defaults["least_gain_db"] > 1.5
    assert front["hypervolume"] > defaults["hypervolume"] > 0
    write(tmp_path, result)
    assert [row["method"] for row in rows(tmp_path / "comparison.csv")] == ["front: fvsrn smallify", defaults["method"]]


def test_few_points_of_the_very_curve_are_neither_better_nor_worse():
    """The curve is bent: chords between few of its points lie above it."""

    def curve(count: int) -> list[Trial]:
        ratios = [10.0 * 100.0 ** (i / (count - 1)) for i in range(count)]
        return [
            Trial("search", i, {}, {}, "done", "", {"ratio": r, "psnr": 250.0 / math.log(3.0 * r)})
            for i, r in enumerate(ratios)
        ]

    told = gain(curve(33), curve(5))
    assert told["front_gain_db"] == pytest.approx(0.0, abs=1e-9) and told["ratio_to"] == pytest.approx(1000.0)
    assert gain(curve(5), curve(33))["front_gain_db"] == pytest.approx(0.0, abs=1e-9)
    assert gain(curve(5), []) == {}
