# Each target sets up what it needs: a bare checkout and Python 3.11 to 3.13 suffice.

# An interpreter to use instead of the first suitable one on the PATH.
PYTHON ?=
# Test processes; each imports TensorFlow.
JOBS ?= 2
OUT ?= out

VENV := .venv
RUN := $(VENV)/bin/python
READY := $(VENV)/.ready

# By running it: a name on the PATH may be a shim that only prints an error, and some
# systems' Python comes without the modules that make an environment.
USABLE := import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))

.DEFAULT_GOAL := help
.PHONY: help music test lint clean

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile | expand -t 16

music: $(READY) ## chorales to music: train, evaluate, export, generate (11 minutes and more)
	$(RUN) -m tfmusic.train --preset=chorale_tiny --model_dir=$(OUT)/chorale_tiny
	$(RUN) -m tfmusic.evaluate --model_dir=$(OUT)/chorale_tiny --output=$(OUT)/evaluation.json
	$(RUN) -m tfmusic.export --model_dir=$(OUT)/chorale_tiny --output_dir=$(OUT)/export
	$(RUN) -m tfmusic.generate --model_dir=$(OUT)/export/model.tflite \
	  --prime=bach_chorales:validation:0 --prime_seconds=8 --top_p=0.95 \
	  --output=$(OUT)/chorale.mid --picture=$(OUT)/chorale.png \
	  --report=$(OUT)/generation.json
	$(RUN) -m tfmusic.evaluate --model_dir=$(OUT)/chorale_tiny --unseen_by=chorales \
	  --output=$(OUT)/shipped/chorale_tiny.json
	$(RUN) -m tfmusic.evaluate --model_dir=chorales --dataset=bach_chorales \
	  --unseen_by=chorales --output=$(OUT)/shipped/chorales.json
	$(RUN) -m tfmusic.generate --model_dir=chorales \
	  --prime=bach_chorales:validation:27 --prime_seconds=8 --top_p=0.95 \
	  --output=$(OUT)/shipped/chorale.mid --picture=$(OUT)/shipped/chorale.png \
	  --report=$(OUT)/shipped/generation.json
	@echo
	@$(RUN) -m tfmusic.summary --folder=$(OUT)

test: $(READY) ## run the tests
	$(RUN) -m pytest -n $(JOBS) --dist loadfile

lint: $(READY) ## check the style of the code
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .

clean: ## remove the environment and caches, not what was made in out/
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): setup.py
	@for python in $(or $(PYTHON),python3 python3.13 python3.12 python3.11 python); do \
	  $$python -c '$(USABLE)' >/dev/null 2>&1 && break; python=; \
	done; \
	if [ -z "$$python" ]; then \
	  echo "tfmusic needs Python 3.11, 3.12 or 3.13 with its venv module, and" \
	    "$(if $(PYTHON),$(PYTHON) is not that,the PATH has none): install one" \
	    "(Debian, Ubuntu: apt install python3-venv)" \
	    "or name one: make PYTHON=/path/to/python3.12" >&2; \
	  exit 2; \
	fi; \
	set -e; start=$$(date +%s); \
	$(RUN) -c 'import pip; $(USABLE)' >/dev/null 2>&1 || $$python -m venv --clear $(VENV); \
	echo "Installing tfmusic, with TensorFlow, for $$($(RUN) --version) in $(VENV):" \
	  "3 GB, one to five minutes ..."; \
	$(RUN) -m pip install -qq --disable-pip-version-check --editable '.[dev]'; \
	$(RUN) -m pip install -qq --disable-pip-version-check --editable '.[cc]' 2>/dev/null || \
	  echo "No TensorFlow Lite C library for this system: tests of export/cc are skipped."; \
	touch $@; \
	echo "Installed in $$(($$(date +%s) - start)) seconds."
