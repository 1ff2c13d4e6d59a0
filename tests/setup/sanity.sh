#!/usr/bin/env bash
# All sanity tests of ansible-test, without a network other than the Python package index. usage: sanity.sh VENV
set -euo pipefail
venv=$(realpath "$1")
root=$(git rev-parse --show-toplevel)
work=$root/.cache/sanity
copy=$work/ansible_collections/multiarch/openshift
export HOME=$work/home
python_version=$("$venv/bin/python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
site_packages=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')

# ansible-test wants the collection at its real path, and takes no symbolic link for it
rm -rf "$copy"
mkdir -p "$copy" "$HOME/.ansible/test/cache"
(cd "$root" && git ls-files -co --exclude-standard -z | while IFS= read -r -d '' file; do
  if [ -e "$file" ]; then printf '%s\0' "$file"; fi
done | xargs -0 cp --parents -t "$copy")
ln -sfn "$site_packages/ansible_collections/kubernetes" "$work/ansible_collections/kubernetes"

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

cd "$copy"
git init --quiet . && git add --all
PATH=$venv/bin:$PATH "$venv/bin/ansible-test" sanity --python "$python_version" --color no
