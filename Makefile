# SRN for ParaView. From nothing: `make demo` shows the product, `make test` checks it.
#
#   make demo VOLUME=hurricane.vti ARRAY=Pressure RATIO=100 SECONDS=60
#   make test PVPYTHON=/opt/ParaView-6.1/bin/pvpython

VENV    ?= .venv
OUT     ?= out
PVPYTHON ?=
# Which torch, as a pip constraint; TORCH= leaves the choice to pip.
TORCH   ?= torch==2.13.0; python_version >= "3.10"
EXTRAS  ?= train,io,vtk,dev
VOLUME  ?=
ARRAY   ?=
RATIO   ?= 100
SECONDS ?= 60
SIZE    ?= 96
WORKERS ?= 2
SUITES  ?= trixie sid

PYTHON  := $(VENV)/bin/python
READY   := $(VENV)/ready
CHECKED := srn_core onnx_export filters plugin tests benchmarks examples tools
VOLUME_FILE := $(if $(VOLUME),$(VOLUME),$(OUT)/turbulence-$(SIZE).vti)

.DELETE_ON_ERROR:
.PHONY: help setup demo test test-slow other-paraviews lint format typecheck imports check wheel docs clean

help:
	@echo 'make demo       compress a volume in ParaView and show what comes back (VOLUME=, ARRAY=, RATIO=, SECONDS=)'
	@echo 'make test       all quick tests;  make test-slow: the long ones'
	@echo 'make check      lint, format, types, import directions'
	@echo 'make wheel      wheel and source archive in dist/'
	@echo 'make clean      remove what was made, the environment included'

setup: $(READY)

$(READY): pyproject.toml tools/prepare.sh tools/compile_native.py $(wildcard srn_core/native/*.[ch])
	@VENV='$(VENV)' PVPYTHON='$(PVPYTHON)' TORCH='$(TORCH)' EXTRAS='$(EXTRAS)' sh tools/prepare.sh
	@touch $@

$(OUT)/turbulence-$(SIZE).vti: examples/turbulence.py | $(READY)
	@mkdir -p $(OUT)
	@$(PYTHON) examples/turbulence.py $@ --size $(SIZE)

demo: $(READY) $(VOLUME_FILE)
	@VENV='$(VENV)' sh tools/in-paraview.sh examples/demo.py '$(VOLUME_FILE)' $(if $(ARRAY),--array '$(ARRAY)') \
	    --ratio $(RATIO) --seconds $(SECONDS) --out '$(OUT)'

test: $(READY)
	PVPYTHON="$$(cat $(VENV)/paraview)" $(PYTHON) -m pytest -n $(WORKERS)

# Ax, which only a slow test needs, is 320 MB in forty packages: not part of set-up.
$(VENV)/search: $(READY)
	$(PYTHON) -m pip install --quiet --disable-pip-version-check -c $(VENV)/constraints.txt -e '.[search]'
	@touch $@

test-slow: $(VENV)/search
	PVPYTHON="$$(cat $(VENV)/paraview)" $(PYTHON) -m pytest -n $(WORKERS) -m slow

# As root, with mmdebstrap: ParaView 5.13 and 6.1 in folders with a Debian of their own (docs/compatibility.md).
other-paraviews:
	sh tools/other-paraviews.sh '$(OUT)/paraviews' $(SUITES)

lint: $(READY)
	$(VENV)/bin/ruff check $(CHECKED)
	$(VENV)/bin/ruff format --check $(CHECKED)

format: $(READY)
	$(VENV)/bin/ruff check --fix $(CHECKED)
	$(VENV)/bin/ruff format $(CHECKED)

typecheck: $(READY)
	$(VENV)/bin/mypy

imports: $(READY)
	$(VENV)/bin/lint-imports

check: lint typecheck imports

wheel: $(READY)
	rm -rf dist
	$(PYTHON) -m build --outdir dist .

docs: $(READY)
	$(PYTHON) -m pytest -n $(WORKERS) tests/test_readme.py tests/test_format_document.py

clean:
	rm -rf $(VENV) $(OUT) build dist .pytest_cache .hypothesis .mypy_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
