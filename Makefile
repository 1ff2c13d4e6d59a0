# Everything runs in .venv, which is made on first use. PYTHON=python3.13 make test chooses the Python.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest

.PHONY: help venv demo picture test real firmware boot-loaders lint sanity gates legs docs importer molecule bench format clean

help:
	@echo "make demo      the main job on a site in a box: seven machines join"
	@echo "make picture   docs/demo.svg of a run of the demo"
	@echo "make test      all tests"
	@echo "make real      machines made of the real installer, Ignition and kubelets (part of make test)"
	@echo "make firmware  boot files read by real boot loaders in QEMU (part of make test)"
	@echo "make venv      .venv, in which ansible-playbook multiarch.openshift.add_arm_workers runs"
	@echo "make lint      ruff, mypy, ansible-lint, yamllint"
	@echo "make sanity    ansible-test sanity"
	@echo "make gates     what a release has to pass beside lint, sanity and test: legs, docs, importer"
	@echo "make legs      sanity, unit tests and the main job on Python 3.12 (ansible-core 2.20) and 3.13 (2.21)"
	@echo "make docs      antsibull-docs: lint, and the site in .cache/docs/site/build/html"
	@echo "make importer  galaxy-importer on the tarball"
	@echo "make molecule  a default and another scenario of each role (part of make test)"
	@echo "make bench     what a run costs for 1, 50, 300 and 1000 machines"
	@echo "make format    ruff's own corrections and formatting"
	@echo "make clean     removes .venv, those of other Pythons and .cache"

venv:
	@$(PYTHON) tests/setup/make_venv.py $(VENV)

demo: venv
	@PYTHONPATH=tests $(BIN)/python -m lab.demo

picture: venv
	$(BIN)/python tests/setup/record_demo.py docs/demo.svg

test: venv boot-loaders
	$(PYTEST) -n 2 --dist loadgroup

real: venv
	$(PYTEST) -n 2 --dist loadgroup tests/real

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

gates: legs docs importer

legs:
	tests/setup/leg.sh 3.12
	tests/setup/leg.sh 3.13

docs: venv
	tests/setup/docs.sh $(VENV) .cache/docs

importer: venv
	tests/setup/importer.sh $(VENV) .cache/importer

molecule: venv
	$(PYTEST) -n 2 tests/molecule

bench: venv
	PYTHONPATH=tests $(BIN)/python -m bench

format: venv
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) .venv-* .cache
