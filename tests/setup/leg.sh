#!/usr/bin/env bash
# Sanity, unit tests and one run of the main job with another Python, and so another ansible-core (requirements.txt).
# usage: leg.sh 3.12; the virtual environment is .venv-3.12. Where that Python is not found, one line says so, which is a
# failure if MULTIARCH_TEST_REQUIRE names legs.
set -euo pipefail
version=$1
root=$(git -C "$(dirname "$0")" rev-parse --show-toplevel)
venv=$root/.venv-$version
cd "$root"

find_python() {  # the one on the PATH, unless it is pyenv's placeholder for one that is not switched on; then pyenv's
  local candidate
  for candidate in "python$version" "${PYENV_ROOT:-$HOME/.pyenv}/versions/$version".*/bin/python3; do
    if "$candidate" -c 'import ensurepip, venv' 2>/dev/null; then echo "$candidate"; return; fi
  done
}

python=$(find_python)
if [ -z "$python" ]; then
  echo "No Python $version here (python$version on the PATH, or pyenv install $version): nothing is tested with it."
  case ",${MULTIARCH_TEST_REQUIRE:-}," in *,legs,*) exit 1 ;; esac
  exit 0
fi
"$python" tests/setup/make_venv.py "$venv"
core=$("$venv/bin/python" -c 'import ansible.release; print(ansible.release.__version__)')
echo "Python $version, ansible-core $core: sanity"
if ! tests/setup/sanity.sh "$venv" >"$venv/sanity.log" 2>&1; then
  grep -E '^(ERROR|FATAL|Traceback)' "$venv/sanity.log" || tail -n 40 "$venv/sanity.log"
  echo "ansible-test sanity has failed: $venv/sanity.log" >&2
  exit 1
fi
echo "Python $version, ansible-core $core: unit tests, and the main job"
"$venv/bin/python" -m pytest -q -n "${LEG_WORKERS:-2}" tests/unit \
  tests/integration/test_add_arm_workers.py::test_machines_join_a_node_is_left_alone_a_stranger_stays_out_and_a_second_run_changes_nothing
