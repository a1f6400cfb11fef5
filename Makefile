# Every target works on a fresh machine: what it needs is installed into .venv first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Further arguments of pytest, e.g. PYTEST_ARGS="-k cache".
PYTEST_ARGS ?=
# BENCH_ARGS=--quick takes minutes instead of the better part of an hour.
BENCH_ARGS ?=
# ruff reads no setup.cfg, so its settings are here, in one place.
RUFF := $(BIN)/ruff check --isolated --line-length 100 --target-version py310 --select E,F,I,B,UP,W

.PHONY: install test test-slow lint bench demo backbone starter clean

install: $(BIN)/cnnrnn

# pip is asked again only when the metadata changes.
$(BIN)/cnnrnn: setup.cfg setup.py
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	touch $@

test: install
	$(BIN)/python -m pytest $(PYTEST_ARGS)

test-slow: install
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--editable '.[test,backends,onnx,word2vec,tensorboard]'
	$(BIN)/python -m pytest -m slow $(PYTEST_ARGS)

lint: install
	$(RUFF) cnnrnn tests setup.py

bench: install
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[bench,fast]'
	$(BIN)/python -m tests.benchmarks $(BENCH_ARGS)

demo: install
	$(BIN)/cnnrnn caption train
	$(BIN)/cnnrnn caption predict scenes:0-4
	@echo "report  $$(ls -t runs/caption/*/report.html | head -n 1)"

backbone: install
	$(BIN)/python -m cnnrnn.features.train_scenes_cnn

starter: install
	$(BIN)/python -m cnnrnn.caption.train_starter
	$(BIN)/python -m cnnrnn.video_classify.train_starter
	$(BIN)/python -m cnnrnn.vqa.train_starter
	$(BIN)/python -m cnnrnn.densecap.train_starter

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache
	find cnnrnn tests -name __pycache__ -type d -prune -exec rm -rf {} +
