# ragqa: `make ask` sets everything up and answers a question; `make help` lists what else there is.

PYTHON ?= python3
Q ?= Do preoperative statins reduce atrial fibrillation after coronary artery bypass grafting?
INDEX ?= sample
GRID ?= retrievers
# Not from the environment, where other programs (conda) set names like these
HOST := 127.0.0.1
PORT := 8000
VLLM_PORT ?= 8001
TEST_PROCESSES ?= 3

export Q
BIN := .venv/bin
READY := .venv/.ready

.PHONY: help setup index ask eval ablate serve vllm vllm-test-env bench jar train-reader test lint format clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## Install everything into .venv

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "ragqa needs Python 3.11 or newer; this is " + sys.version)'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt torch
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $(READY)

index: $(READY) ## Build the index INDEX (default: sample)
	$(BIN)/ragqa index build $(INDEX)

ask: $(READY) ## Answer the question Q on INDEX
	@$(BIN)/ragqa ask --index $(INDEX) "$$Q"

serve: $(READY) ## Answer questions on INDEX at http://HOST:PORT/ (default 127.0.0.1:8000)
	@$(BIN)/ragqa serve --index $(INDEX) --host $(HOST) --port $(PORT)

vllm: ## Install and start vLLM with MODEL (a folder or a name on the hub); CPU=1: without a GPU
	@test -n "$(MODEL)" || { echo 'name a model: make vllm MODEL=Qwen/Qwen3-8B, or MODEL=/path/to/its/folder' >&2; exit 2; }
	@$(PYTHON) services/vllm.py serve $(if $(CPU),--cpu) --port $(VLLM_PORT) "$(MODEL)" $(if $(VLLM_ARGS),-- $(VLLM_ARGS))

vllm-test-env: ## Install vLLM's CPU build into .venv-vllm, which the tests of the generator need
	@$(PYTHON) services/vllm.py install --cpu

eval: $(READY) ## Run the sample's questions and write a report (under two minutes)
	$(BIN)/ragqa eval run sample
	$(BIN)/ragqa eval report sample

ablate: $(READY) ## Run the ablation GRID (default: retrievers) on the sample, or on the BEIR folder DATA
	$(BIN)/ragqa eval ablate $(GRID) $(if $(DATA),--task beir --data $(DATA))

bench: $(READY) ## Measure speed and memory against named peers; DATA names a folder with real data
	$(BIN)/python eval/benchmarks/run.py $(if $(DATA),--data $(DATA))

jar: $(READY) ## Compile the Java classes that write and search Lucene indexes (needs a JDK of version 21 on)
	$(BIN)/python -m ragqa.index.jar.compile

train-reader: $(READY) ## Train the reader's model on the data in DATA, and write it into the package (hours)
	@test -n "$(DATA)" || { echo 'name the folder with the data sets: make train-reader DATA=/path/to/data' >&2; exit 2; }
	$(BIN)/python eval/training/reader/train.py --data "$(DATA)" --out .bench/reader/0
	$(BIN)/python eval/training/reader/train.py --data "$(DATA)" --out .bench/reader/1 --seed 1
	$(BIN)/python eval/training/reader/average.py .bench/reader/0 .bench/reader/1 --out .bench/reader
	$(BIN)/python eval/training/reader/export.py --data "$(DATA)" --weights .bench/reader
	$(BIN)/python eval/training/reader/decide.py --data "$(DATA)"
	$(BIN)/python eval/training/check/fit.py --data "$(DATA)"

test: $(READY) ## Run the tests; RAGQA_TEST_DATA names a folder with real data for the tests that need it
	$(BIN)/pytest --numprocesses $(TEST_PROCESSES) --dist loadscope --no-loadscope-reorder

lint: $(READY) ## Check format, style, types and the direction of imports
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: $(READY) ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean: ## Remove the environment and every built corpus and index
	rm -rf .venv .venv-vllm dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
	git clean -dXfq corpora indexes eval 2>/dev/null || true
