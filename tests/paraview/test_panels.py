"""What the panels offer is what the library knows."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

from in_paraview import PLUGIN, ROOT, Run

from srn_core import config


def test_choices_and_defaults_are_those_of_the_library() -> None:
    text = PLUGIN.read_text(encoding="utf-8")
    panel = re.search(r'_COMPRESS_PANEL = """(.*?)"""', text, re.S)
    assert panel
    root = ElementTree.fromstring(f"<panel>{panel[1]}</panel>")
    properties = {node.get("name"): node for node in root if node.get("name")}

    def choices(name: str) -> set[str]:
        return {str(s.get("value")) for s in properties[name].iter("String")}

    assert choices("Network") == set(config.NETWORKS)
    assert choices("Pruner") == set(config.PRUNERS)
    assert choices("Device") == set(config.DEVICES)
    assert choices("Quantiser") == set(config.QUANTISERS)
    defaults = config.CompressConfig()
    assert properties["Network"].get("default_values") == defaults.network
    assert properties["Pruner"].get("default_values") == defaults.pruner
    assert properties["GridBits"].get("default_values") == str(defaults.quantise.grid_bits)
    assert properties["WeightBits"].get("default_values") == str(defaults.quantise.weight_bits or 0)


def test_every_property_is_documented_and_labelled(run: Run) -> None:
    facts = run(
        """
        groups = {"filters": ["NeuralCompress", "NeuralResample", "NeuralSample"],
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
