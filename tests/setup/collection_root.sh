#!/usr/bin/env bash
# A folder for ANSIBLE_COLLECTIONS_PATH with a copy of this checkout's files, and kubernetes.core of the virtual
# environment, and nothing else: ansible-test takes no symbolic link for a collection, antsibull-docs reads every
# collection that it finds. usage: collection_root.sh VENV DIRECTORY
set -euo pipefail
venv=$(realpath "$1")
root=$(git -C "$(dirname "$0")" rev-parse --show-toplevel)
copy=$2/ansible_collections/multiarch/openshift
site_packages=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')

rm -rf "$copy"
mkdir -p "$copy"
copy=$(realpath "$copy")
(cd "$root" && git ls-files -co --exclude-standard -z | while IFS= read -r -d '' file; do
  if [ -e "$file" ]; then printf '%s\0' "$file"; fi
done | xargs -0 cp --parents -t "$copy")
ln -sfn "$site_packages/ansible_collections/kubernetes" "$2/ansible_collections/kubernetes"
