#!/usr/bin/env bash
# What antsibull-docs has to say about the documentation of plugins and roles, and the site that it makes of it.
# usage: docs.sh VENV DIRECTORY; the site is DIRECTORY/site/build/html.
set -euo pipefail
venv=$(realpath "$1")
directory=$2
"$(dirname "$0")/collection_root.sh" "$venv" "$directory"
directory=$(realpath "$directory")
export ANSIBLE_COLLECTIONS_PATH=$directory ANSIBLE_COLLECTIONS_SCAN_SYS_PATH=false ANSIBLE_HOME=$directory/ansible
export PATH=$venv/bin:$PATH

antsibull-docs lint-collection-docs --plugin-docs --validate-collection-refs all \
  "$directory/ansible_collections/multiarch/openshift"

site=$directory/site
log=$directory/site.log
rm -rf "$site"
mkdir "$site"
{
  antsibull-docs sphinx-init --use-current --squash-hierarchy --lenient --dest-dir "$site" multiarch.openshift
  # what pages of other projects are called is found out in the internet, which is not needed here
  echo 'intersphinx_mapping = {}' >>"$site/conf.py"
  "$site/build.sh"
} >"$log" 2>&1 || { cat "$log"; exit 1; }
if grep -E 'WARNING|ERROR' "$log" | grep -v 'undefined label'; then
  echo "Sphinx has found something in the pages that antsibull-docs made: $log" >&2
  exit 1
fi
# documentation that cannot be read becomes a page that says so
if grep -rl 'The errors were:' "$site/rst"; then
  echo "antsibull-docs could not read the documentation behind these pages." >&2
  exit 1
fi
cd "$directory/ansible_collections/multiarch/openshift"
for path in plugins/modules/*.py plugins/filter/*.py roles/*; do
  kind=$(basename "$(dirname "$path")")
  page=$(basename "$path" .py)_${kind%s}.html
  if ! [ -s "$site/build/html/$page" ]; then echo "The site has no $page for $path." >&2; exit 1; fi
done
