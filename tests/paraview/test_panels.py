"""What the panels offer is what the library knows."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gui_window import SHOW_ADVANCED, choose, expect, play
from in_paraview import PLUGIN, ROOT, START, Run, environment, executable, run_script
from srn_filters.compress import NeuralCompress
from srn_filters.panel import PANEL, SECTIONS, TARGETS, chosen, default_of
from srn_filters.training_key import training_key

from srn_core import config
from srn_core.config import CompressConfig, TargetConfig
from srn_core.errors import SrnInputError
from srn_core.pruner_settings import THRESHOLDS
from srn_core.volume import Geometry, Volume

CHOICES = {
    "Network": config.NETWORKS,
    "Pruner": config.PRUNERS,
    "Preset": config.PRESETS,
    "Device": config.DEVICES,
    "Quantiser": config.QUANTISERS,
    "Sampler": config.SAMPLERS,
    "Decay": config.DECAYS,
    "PruningThresholds": THRESHOLDS,
    "SmallifyInitial": ("normal", "one"),
    "Target": tuple(target.choice for target in TARGETS.values()),
}


@pytest.fixture(scope="module")
def panel(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Of Neural Compress: "panel", the XML that the plugin gives to ParaView; "order", what ParaView makes of it."""
    return run_script(
        tmp_path_factory.mktemp("panel"),
        """
        proxy = servermanager.ProxyManager().NewProxy("filters", "NeuralCompress")
        each = servermanager.vtkSMOrderedPropertyIterator()
        each.SetProxy(proxy)
        each.Begin()
        order = []
        while not each.IsAtEnd():
            order.append(each.GetKey())
            each.Next()
        tell(order=order, panel=sys.modules['NeuralCompress']._COMPRESS_PANEL)
        """,
    ).facts


@pytest.fixture
def properties(panel: dict[str, Any]) -> dict[str, ElementTree.Element]:
    """The properties of Neural Compress in their order."""
    nodes = ElementTree.fromstring(f"<panel>{panel['panel']}</panel>")
    return {str(node.get("name")): node for node in nodes if node.get("name")}


def conditions(name: str) -> dict[str, set[str]]:
    """Other properties, and their values with which one is shown."""
    if name in TARGETS:
        return {"Target": {TARGETS[name].choice}}
    found: dict[str, set[str]] = {}
    for other, values in PANEL[name].when if name in PANEL else ():
        for one, wanted in [(other, set(values)), *conditions(other).items()]:
            found[one] = found.get(one, wanted) & wanted
    return found


def test_panel_offers_every_setting_with_its_default_and_bounds(properties: dict[str, ElementTree.Element]) -> None:
    found = properties
    targets = {target.setting for target in TARGETS.values()}
    assert {b.setting for b in PANEL.values()} | {"device"} | targets == set(config.setting_names())
    assert set(PANEL) | set(TARGETS) | {"Device", "Target"} | {
        "Array",
        "MorePointArrays",
        "MoreCellArrays",
        "Components",
        "Geometry",
        "TimeSteps",
        "MoreSettings",
        "TrainAgain",
        "EstimatedSize",
        "EstimatedTime",
        "Report",
        "Provider",
        "Threads",
    } >= set(found) - {
        "Reconstruction",
        "Training History",
        "Drop Rates",
    }
    for name, known in CHOICES.items():
        assert tuple(str(s.get("value")) for s in found[name].iter("String")) == known, name
    for name, target in TARGETS.items():
        meant = f"{target.default:g}" if isinstance(target.default, float) else str(target.default)
        assert str(found[name].get("default_values")) == meant, name
        decorators = found[name].iter("PropertyWidgetDecorator")
        assert {d.get("property"): set(str(d.get("values")).split()) for d in decorators} == conditions(name), name
        CompressConfig().with_settings({target.setting: target.default})
    for name, bound in PANEL.items():
        shown, meant = str(found[name].get("default_values")), default_of(bound)
        if name == "TimeLimit":
            meant = 600
        if isinstance(meant, str):
            assert shown == meant, name
        else:
            assert [float(v) for v in shown.split()] == [float(v) for v in np.ravel(meant)], name
        decorators = found[name].iter("PropertyWidgetDecorator")
        assert {d.get("property"): set(str(d.get("values")).split()) for d in decorators} == conditions(name), name
        for bounds in found[name].iter("IntRangeDomain"):
            if bounds.get("max") is None:
                continue
            low, high = (tuple(int(v) for v in str(bounds.get(end)).split()) for end in ("min", "max"))
            for end in (low, high):
                value: Any = end if len(end) > 1 else end[0]
                CompressConfig().with_settings({bound.setting: None if value == bound.automatic else value})
            beyond = tuple(v + 1 for v in high)
            with pytest.raises(SrnInputError):
                CompressConfig().with_settings({bound.setting: beyond if len(beyond) > 1 else beyond[0]})


def test_window_shows_the_settings_of_what_was_chosen_alone(tmp_path: Path) -> None:
    """Every widget, for each pruner, network and other choice that another one depends on."""
    now = {
        "Network": "fvsrn",
        "Pruner": "rate",
        "Decay": "cosine",
        "PruningThresholds": "searched",
        "Target": "ratio",
    }
    steps = [("Network", n) for n in config.NETWORKS] + [("Network", "fvsrn")]
    steps += [("Pruner", p) for p in config.PRUNERS] + [("Network", n) for n in config.NETWORKS]
    steps += [("Decay", d) for d in config.DECAYS] + [("Target", target.choice) for target in TARGETS.values()]
    steps += [("Pruner", "mask"), ("PruningThresholds", "fixed"), ("Pruner", "none")]
    events = [expect("Network", True), expect("Omega", False), expect("Batch", False), SHOW_ADVANCED]
    for name, value in steps:
        now[name] = value
        events.append(choose(name, value))
        events += [expect(p, all(now[o] in values for o, values in conditions(p).items())) for p in (*TARGETS, *PANEL)]
    script = """
from paraview.simple import *
wavelet = Wavelet(WholeExtent=[-4, 4, -4, 4, -4, 4])
wavelet.UpdatePipeline()
SetActiveSource(NeuralCompress(Input=wavelet))
"""
    window = environment(PV_PLUGIN_PATH=str(PLUGIN.parent), PYTHONPATH=str(START), QT_QPA_PLATFORM=None)
    said = play(executable("paraview"), script, events, tmp_path / "home", window)
    assert "Success =  true" in said
    with pytest.raises(AssertionError, match="Expecting: true"):
        play(executable("paraview"), script, [expect("MaskLambda", True)], tmp_path / "again", window)


def test_hidden_settings_have_no_say() -> None:
    filter = NeuralCompress()
    for name, value in (
        ("MaskThreshold", 0.3),
        ("VariationalPsigma", 0.02),
        ("LayerThresholds", "0.9 0.8"),
        ("Width", 7),
    ):
        getattr(filter, f"Set{name}")(value)
    assert filter.config() == NeuralCompress().config()
    assert not {"mask.threshold", "variational.psigma", "pruning.layers", "neurcomp.width"} & set(chosen(filter.panel))
    filter.SetPruner("variational-dynamic")
    assert filter.config().variational == CompressConfig().variational  # psigma belongs to the static one
    filter.SetPruner("variational-static")
    filter.SetPruningThresholds("fixed")
    filter.SetNetwork("neurcomp")
    made = filter.config()
    assert (made.variational.psigma, made.pruning.layers, made.neurcomp.width) == (0.02, (0.9, 0.8), 7)
    assert made.mask == CompressConfig().mask
    filter.SetPruner("none")
    assert filter.config().pruning == CompressConfig().pruning


def test_settings_of_a_trained_network_have_no_say_by_rate() -> None:
    filter = NeuralCompress()
    assert (filter.config().network, filter.config().pruner) == ("fvsrn", "rate")
    filter.SetPredictorLayers(2)
    assert filter.config() == NeuralCompress().config()
    filter.SetPruner("mask")
    assert filter.config().fvsrn.layers == 2
    filter.SetNetwork("auto")  # which chooses the pruners itself
    filter.SetBlocks(2)
    made = filter.config()
    assert (made.network, made.pruner, made.fvsrn, made.neurcomp.blocks) == ("auto", "rate", CompressConfig().fvsrn, 2)
    filter.SetTrainingPasses(0)
    assert made.training.passes is None and filter.config().training.passes == 0


def test_targets_of_the_panel() -> None:
    filter = NeuralCompress()
    assert filter.config().target == CompressConfig().target
    filter.SetTargetRatio(50)
    assert filter.config().target.ratio == 50
    filter.SetTargetBytes(9000)
    assert filter.config().target.bytes is None
    for choice, wanted in (
        ("bytes", TargetConfig(bytes=9000)),
        ("psnr", TargetConfig(psnr=50.0)),
        ("max-error", TargetConfig(max_error="0.5%")),
        ("parameter-ratio", TargetConfig(parameter_ratio=100.0)),
        ("ratio", TargetConfig(ratio=50)),
    ):
        filter.SetTarget(choice)
        assert filter.config().target == wanted
    filter.SetTarget("max-error")
    filter.SetMaxError("0.25")
    assert filter.config().target.max_error == 0.25
    filter.SetMaxError("much")
    with pytest.raises(SrnInputError, match="max_error"):
        filter.config()
    filter.SetTarget("size")
    with pytest.raises(SrnInputError, match="ratio, bytes, psnr"):
        filter.config()
    filter.SetMoreSettings("target.ratio=70")
    assert filter.config().target == TargetConfig(ratio=70)
    filter.SetMoreSettings("target.parameter_ratio=70")
    assert (filter.config().target.ratio, filter.config().target.parameter_ratio) == (None, 70)


def test_training_depends_on_the_sections_in_force_alone(tmp_path: Path) -> None:
    assert set(SECTIONS) == set(config.PRUNERS)
    volume = Volume(np.zeros((2, 2, 2), np.float32), Geometry((2, 2, 2)), "density")

    def key(pruner: str, network: str, setting: str, value: Any) -> str:
        return training_key(CompressConfig(network, pruner).with_settings({setting: value}), [("values", volume)])

    changes = {
        "mask": ("mask.threshold", 0.4),
        "smallify": ("smallify.momentum", 0.3),
        "variational": ("variational.kl_weight", 2.0),
        "fvsrn": ("fvsrn.layers", 2),
        "neurcomp": ("neurcomp.blocks", 2),
        "seed": ("seed", 2),
        "device": ("device", "cpu"),
        "training": ("training.decay", "plateau"),
    }
    for pruner in config.PRUNERS:
        for network in config.NETWORKS:
            plain = key(pruner, network, "seed", 0)
            counting = {n for n, change in changes.items() if key(pruner, network, *change) != plain}
            trained = "neurcomp" if network == "auto" else network
            assert counting == {"seed", "training", trained, SECTIONS[pruner]} - {""}
    start = tmp_path / "a.srn"
    start.write_bytes(b"one")
    first = key("none", "fvsrn", "training.start", str(start))
    start.write_bytes(b"two")
    assert key("none", "fvsrn", "training.start", str(start)) != first


def in_words(cell: str) -> str:
    """A cell of docs/properties.md as plain text, without what tells where a property is shown."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", cell)
    where, colon, rest = text.partition(": ")
    shown = colon and "`" not in where.replace("for `passes`", "").replace("and `plateau`", "").replace("`fixed`", "")
    if shown and re.match(r"(advanced|read only|fvsrn|neurcomp|mask|smallify|both|variational|not for|for )", where):
        text = rest
    text = " ".join(re.sub("[`*]", "", text).split())
    return text if text.startswith(("fvsrn:", "lattice:", "searched:", "uniform:")) else text[0].upper() + text[1:]


def test_tooltips_are_the_words_of_the_documents(properties: dict[str, ElementTree.Element]) -> None:
    """docs/properties.md is where they come from; it may go on where a tooltip ends."""
    text = (
        (ROOT / "docs" / "properties.md").read_text(encoding="utf-8").split("`NeuralCompress`", 1)[1].split("\n## ")[0]
    )
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("| ")]
    documented = {row[0]: row[-1] for row in rows}
    for name, node in properties.items():
        label = str(node.get("label"))
        if node.tag == "OutputPort" or label in ("Provider", "Threads"):  # shared with the other filters
            continue
        tip = " ".join(str(node.findtext("Documentation")).split())
        wanted = in_words(documented[label])
        assert (wanted + ".").startswith(tip) or wanted.startswith(tip), f"{name}\n{tip}\n{wanted}"
        assert tip.endswith(".") and len(tip) > 15, name
        advanced = documented[label].startswith("advanced")
        assert (node.get("panel_visibility") == "advanced") == advanced, name


def test_the_panel_has_the_order_of_its_xml(panel: dict[str, Any], properties: dict[str, ElementTree.Element]) -> None:
    """ParaView before 5.13 sorts decorated methods by name, later versions do not: none is used."""
    wanted = [name for name, node in properties.items() if node.tag != "OutputPort"]
    assert [name for name in panel["order"] if name != "Input"] == wanted
    shown = [name for name in wanted if name in ("Array", "Target", "Preset", "EstimatedSize", "Network", "Report")]
    assert shown == ["Array", "Target", "Preset", "EstimatedSize", "Network", "Report"]
    assert not re.search(r"^[ \t]+@sm", PLUGIN.read_text(encoding="utf-8"), re.M)


def test_every_property_is_documented_and_labelled(run: Run) -> None:
    facts = run(
        """
        groups = {"filters": ["NeuralCompress", "NeuralResample", "NeuralEvaluate", "NeuralSample", "NeuralContour"],
                  "sources": ["NeuralResampleFile", "SRNReader"], "writers": ["SRNWriter", "ONNXWriter"]}
        manager = servermanager.ProxyManager()
        found = {}
        for group, names in groups.items():
            for name in names:
                proxy = manager.NewProxy(group, name)
                found[name] = {}
                each = proxy.NewPropertyIterator()
                each.Begin()
                while not each.IsAtEnd():
                    found[name][each.GetKey()] = each.GetProperty().GetXMLLabel()
                    each.Next()
        tell(found=found)
        """
    ).facts["found"]
    documented = (ROOT / "docs" / "properties.md").read_text(encoding="utf-8")
    for proxy, properties in facts.items():
        section = documented.split(f"`{proxy}`", 1)
        assert len(section) == 2, f"docs/properties.md has no section for {proxy}"
        body = section[1].split("\n## ")[0]
        for name, label in properties.items():
            if name not in ("ArraysInfo", "TimestepValues"):
                assert f"| {label} |" in body, f"{proxy}: '{label}' ({name}) is not in docs/properties.md"


def test_documented_settings_and_defaults_are_those_of_the_panel() -> None:
    """docs/properties.md names the setting and the default of each property that is one."""
    text = (ROOT / "docs" / "properties.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("| ")]
    documented = {row[0].replace(" ", ""): row[1:] for row in rows if len(row) == 4}
    panel = {**NeuralCompress().panel, "Device": "auto"}
    settings = {
        **{name: bound.setting for name, bound in PANEL.items()},
        "Device": "device",
        **{name: target.setting for name, target in TARGETS.items()},
    }
    assert set(settings.values()) == set(config.setting_names())
    for name, setting in settings.items():
        assert documented[name][0] == f"`{setting}`", name
        default, shown = panel[name], documented[name][1]
        if isinstance(default, str):
            assert shown == default, name
        else:
            assert np.allclose([float(v) for v in shown.split()], np.ravel(default), rtol=1e-5), name
