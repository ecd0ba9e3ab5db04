"""Rules of docs/architecture.md that import-linter does not see: single files, names, forbidden calls."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Iterator

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("srn_core", "onnx_export", "filters/srn_filters")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
PLUGIN = sorted((ROOT / "plugin").glob("*.py"))
TORCH_ROOMS = ("srn_core/networks/", "srn_core/pruners/", "srn_core/training/", "srn_core/search/")


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imported(path: Path) -> Iterator[tuple[str, bool]]:
    """(module, whether it is imported as soon as the file is) for each import, those for type checkers left out."""

    def visit(node: ast.AST, at_once: bool) -> Iterator[tuple[str, bool]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                yield from ((name.name, at_once) for name in child.names)
            elif isinstance(child, ast.ImportFrom) and child.module and not child.level:
                yield child.module, at_once
            elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                continue
            else:
                deferred = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
                yield from visit(child, at_once and not deferred)

    yield from visit(ast.parse(path.read_text(encoding="utf-8")), True)


def top(module: str) -> str:
    return module.split(".")[0]


def test_there_is_something_to_check():
    assert len(SOURCES) > 20 and [p.name for p in PLUGIN] == ["NeuralCompress.py"]


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_only_the_plugin_imports_paraview(path):
    assert "paraview" not in {top(module) for module, _ in imported(path)}


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_torch_stays_in_its_rooms(path):
    if not relative(path).startswith(TORCH_ROOMS):
        assert not {"torch", "pywt", "sklearn"} & {top(module) for module, at_once in imported(path) if at_once}


def test_the_plugin_imports_no_product_code_when_it_is_read():
    """Everything goes through its _algorithm(), which turns a missing package into one clear line."""
    allowed = {"__future__", "importlib", "os", "sys", "paraview", "vtkmodules"}
    assert {top(module) for module, _ in imported(PLUGIN[0])} <= allowed


@pytest.mark.parametrize("path", [*SOURCES, *PLUGIN], ids=relative)
def test_nothing_is_pickled_or_evaluated(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    modules = {top(module) for module, _ in imported(path)}
    assert not {"pickle", "marshal", "shelve", "dill", "cloudpickle"} & modules
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        assert not (isinstance(call.func, ast.Name) and call.func.id in ("eval", "exec")), f"line {call.lineno}"
        for keyword in call.keywords:
            pickles = keyword.arg == "allow_pickle" and getattr(keyword.value, "value", True) is not False
            assert not pickles, f"line {call.lineno}"


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_modules_are_named_after_what_they_hold(path):
    assert path.stem not in ("utils", "util", "helpers", "helper", "misc", "common", "new")
    assert not re.search(r"_(new|old|v\d|\d)$", path.stem)


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_files_stay_small(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 450


@pytest.mark.parametrize("path", [*SOURCES, *PLUGIN], ids=relative)
def test_files_parse_on_python_3_9(path):
    text = path.read_text(encoding="utf-8")
    ast.parse(text, feature_version=(3, 9))
    if path.stat().st_size and "from __future__ import annotations" not in text:
        assert not any(
            isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr) for node in ast.walk(ast.parse(text))
        )


def test_no_path_of_a_machine_is_written_down():
    """Absolute home or work folders would be wrong on every machine but one."""
    texts = [*SOURCES, *PLUGIN, *ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").glob("*.py")]
    texts += [ROOT / "Makefile", ROOT / "pyproject.toml", *(ROOT / "tools").glob("*.sh")]
    for path in texts:
        found = re.search(r"(?<![\w.])/(home|root|Users|work|mnt)/\w+", path.read_text(encoding="utf-8"))
        assert found is None, f"{relative(path)}: {found and found.group(0)}"
