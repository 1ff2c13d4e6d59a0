#!/usr/bin/env bash
# nmcli and nm-initrd-generator for the tests of machine_network, out of Debian's packages. usage: network_manager.sh DIRECTORY
# Installs nothing, since an installed NetworkManager would take the network over: the packages are only unpacked.
# Where it cannot work it says why and ends with success: the tests are skipped.
set -euo pipefail
directory=$1

if [ -x "$directory/usr/bin/nmcli" ]; then exit 0; fi
if ! command -v apt-get >/dev/null; then echo "No NetworkManager for the tests: there is no apt-get here."; exit 0; fi
mkdir -p "$directory"
directory=$(realpath "$directory")
work=$(mktemp -d "$directory/.work-XXXXXX")
trap 'rm -rf "$work"' EXIT
if ! (cd "$work" && apt-get download --quiet=2 network-manager libnm0 libndp0 2>"$work/said"); then
  echo "No NetworkManager for the tests: $(tail -n 1 "$work/said")"
  exit 0
fi
for package in "$work"/*.deb; do dpkg-deb --extract "$package" "$work/unpacked"; done
mv "$work/unpacked/usr" "$directory/usr"
