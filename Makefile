# Everything runs in .venv, which is made on first use. PYTHON=python3.13 make test chooses the Python.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest

.PHONY: help venv demo picture test real firmware boot-loaders lint sanity bench format clean

help:
	@echo "make demo      the main job on a site in a box: seven machines join"
	@echo "make picture   docs/demo.svg of a run of the demo"
	@echo "make test      all tests"
	@echo "make real      machines made of the real installer, Ignition and kubelets (part of make test)"
	@echo "make firmware  boot files read by real boot loaders in QEMU (part of make test)"
	@echo "make venv      .venv, in which ansible-playbook multiarch.openshift.add_arm_workers runs"
	@echo "make lint      ruff, mypy, ansible-lint, yamllint"
	@echo "make sanity    ansible-test sanity"
	@echo "make bench     what a run costs for 1, 50, 300 and 1000 machines"
	@echo "make format    ruff's own corrections and formatting"
	@echo "make clean     removes .venv and .cache"

venv:
	@$(PYTHON) tests/setup/make_venv.py $(VENV)

demo: venv
	@PYTHONPATH=tests $(BIN)/python -m lab.demo

picture: venv
	$(BIN)/python tests/setup/record_demo.py docs/demo.svg

test: venv boot-loaders
	$(PYTEST) -n 2 --dist loadgroup

real: venv
	$(PYTEST) -n 2 --dist loadgroup -m real

firmware: venv boot-loaders
	$(PYTEST) -m firmware -n 2

boot-loaders:
	@tests/setup/firmware.sh .cache/firmware
	@tests/setup/site_services.sh .cache/site-services

lint: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy plugins tests
	$(BIN)/yamllint --strict .
	ANSIBLE_HOME=$(CURDIR)/.cache/ansible PATH=$(CURDIR)/$(BIN):$$PATH $(BIN)/ansible-lint --offline --profile production
	$(BIN)/antsibull-changelog lint

sanity: venv
	tests/setup/sanity.sh $(VENV)

bench: venv
	PYTHONPATH=tests $(BIN)/python -m bench

format: venv
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) .cache
