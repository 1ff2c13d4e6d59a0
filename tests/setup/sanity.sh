#!/usr/bin/env bash
# All sanity tests of ansible-test, without a network other than the Python package index. usage: sanity.sh VENV
set -euo pipefail
venv=$(realpath "$1")
root=$(git rev-parse --show-toplevel)
python_version=$("$venv/bin/python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
work=$root/.cache/sanity/$python_version
export HOME=$work/home

"$root/tests/setup/collection_root.sh" "$venv" "$work"
mkdir -p "$HOME/.ansible/test/cache"

# its own virtual environments begin with a pip that it would download; the one that comes with Python does as well
# 24.2 is what ansible-core 2.19 asks for, 25.2 what 2.20 and 2.21 do
for version in 24_2 25_2; do
  cat >"$HOME/.ansible/test/cache/get_pip_$version.py" <<'PY'
import ensurepip
import pathlib
import sys

wheel = next((pathlib.Path(ensurepip.__file__).parent / "_bundled").glob("pip-*.whl"))
sys.path.insert(0, str(wheel))
from pip._internal.cli.main import main

arguments = [argument for argument in sys.argv[1:] if argument not in ("--no-setuptools", "--no-wheel")]
sys.exit(main(["install", *arguments]))
PY
done

cd "$work/ansible_collections/multiarch/openshift"
git init --quiet . && git add --all
PATH=$venv/bin:$PATH "$venv/bin/ansible-test" sanity --python "$python_version" --color no
