# The verbs of this repository, for people and for continuous integration alike.
# `make help` lists them. Python 3.11 or newer is all that has to be there.

PYTHON ?= python3
VENV ?= .venv
PY := $(VENV)/bin/python
PIP := PYTHONWARNINGS=ignore $(PY) -m pip --quiet --disable-pip-version-check
PYTEST_ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup clients servers browser schemathesis kube test lint fmt types contracts pytest proto docs demo run bench \
	images test-images test-k8s clean

help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(PY):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "make: $(PYTHON) must be Python 3.11 or newer; name another with PYTHON=…" >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "make: no virtual environment could be made (Debian: apt-get install python3-venv)" >&2; exit 2; }

# The product alone: enough for `make demo` and `make run`.
$(VENV)/.product: pyproject.toml | $(PY)
	@echo "installing the product into $(VENV) …"
	@$(PIP) install -e '.[fs,manager]'
	@touch $@

# The product and the tools of its developers.
$(VENV)/.dev: pyproject.toml | $(PY)
	@echo "installing the product and the developers' tools into $(VENV) …"
	@$(PIP) install -e '.[dev]'
	@touch $(VENV)/.product $@

setup: $(VENV)/.dev ## make .venv with the product and the developers' tools

clients: $(VENV)/.dev ## install the real clients that the tests run
	@$(PY) tests/clients/install --model --datasets --tools

servers: $(VENV)/.dev ## install the real servers that the tests run
	@$(PY) tests/servers/install

browser: $(VENV)/.dev ## install the browser that the tests of the console drive
	@tests/console/install

schemathesis: $(VENV)/.dev ## install what drives the REST API by its own document
	@tests/component/manager/install

kube: $(VENV)/.dev ## install helm, kubectl, kind and the schemas that the chart is checked with
	@$(PY) tests/kube/install

test: setup clients servers browser schemathesis kube lint types contracts pytest ## everything: lint, types, import contracts, all tests

lint: setup ## ruff
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check --quiet .

fmt: setup ## format the sources
	$(VENV)/bin/ruff check --fix --quiet . || true
	$(VENV)/bin/ruff format .

types: setup ## mypy --strict
	$(VENV)/bin/mypy

contracts: setup ## who may import whom
	$(VENV)/bin/lint-imports

pytest: setup ## the tests alone; PYTEST_ARGS chooses
	timeout --foreground --signal=INT --kill-after=60 4500 $(PY) -m pytest -n 3 --dist loadfile $(PYTEST_ARGS)

proto: setup ## generate dfinfra/pb from proto/
	PYTHON=$(abspath $(PY)) proto/generate

docs: setup ## write docs/configuration.md and the values of the chart from the configuration classes
	$(PY) -m tests.architecture.config_reference
	$(PY) -m tests.kube.values_schema

demo: $(VENV)/.product ## a model reaches three nodes, the origin sends it once (DEMO_SIZE=1GiB)
	@$(PY) -m demo

run: $(VENV)/.product ## scheduler, seed and a node at 127.0.0.1:65001, against the Hugging Face Hub
	@$(PY) -m demo.foreground

bench: $(VENV)/.dev ## every benchmark, one after the other (root, nginx, wrk; about an hour)
	@$(PY) -m bench all

images: ## build the image (docker, or DOCKER=podman; BASE=… is another base)
	docker/build

test-images: setup kube ## the image in containers, in namespaces of their own (root)
	MEGANEURA_IMAGES=1 $(PY) -m pytest --timeout=3600 tests/kube/images $(PYTEST_ARGS)

test-k8s: setup kube ## the chart on a real Kubernetes, in namespaces of its own (root; builds it once)
	MEGANEURA_K8S=1 $(PY) -m pytest --timeout=3600 tests/kube/cluster $(PYTEST_ARGS)

clean: ## remove what the verbs above have made
	rm -rf $(VENV) .venv-* .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	rm -rf build dist *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
