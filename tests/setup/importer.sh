#!/usr/bin/env bash
# What Galaxy and Automation Hub do with the tarball when it is uploaded: galaxy-importer, which checks it and reads
# its documentation. usage: importer.sh VENV DIRECTORY
# It has a virtual environment of its own, since it wants other versions than the rest.
set -euo pipefail
venv=$(realpath "$1")
directory=$2
here=$(realpath "$(dirname "$0")")
wanted=galaxy-importer==0.4.44
# Not ours to mend: the importer installs no other collection (awx.awx), and tells ansible-lint a folder in which it
# does not find playbooks of the collection itself that are imported by their full name. On a busy machine it gives
# ansible-lint up; `make lint` has asked the same.
known="Timeout on call to ansible-lint|couldn't resolve module/action 'awx\.awx\.|ERROR +Failed to find multiarch\.openshift\.[a-z_]+ playbook"

"$here/collection_root.sh" "$venv" "$directory"
directory=$(realpath "$directory")
if [ "$(cat "$directory/venv/made-from" 2>/dev/null)" != "$wanted" ]; then
  rm -rf "$directory/venv"
  "$venv/bin/python" -m venv "$directory/venv"
  "$directory/venv/bin/pip" install --quiet --disable-pip-version-check "$wanted"
  echo "$wanted" >"$directory/venv/made-from"
fi
export ANSIBLE_HOME=$directory/ansible PATH=$directory/venv/bin:$PATH
rm -f "$directory"/*.tar.gz
ansible-galaxy collection build "$directory/ansible_collections/multiarch/openshift" --output-path "$directory" >/dev/null
log=$directory/importer.log
cd "$directory"
GALAXY_IMPORTER_CHECK_REQUIRED_TAGS=true \
  python -m galaxy_importer.main "$directory"/*.tar.gz >"$log" 2>&1 || { cat "$log"; exit 1; }
if grep -E 'WARNING|ERROR|Traceback' "$log" | grep -vE "$known"; then
  echo "galaxy-importer does not take the tarball without a word: $log" >&2
  exit 1
fi
tail -n 1 "$log"
