#!/usr/bin/env bash
# DHCP and DNS servers and mtools for the tests of network boot, out of Debian 12's packages. usage: site_services.sh DIRECTORY
# Installs and starts nothing and needs no root: the packages are unpacked with all that they depend on, so that they run
# on any Debian through their own loader. Where it cannot work it says why and ends with success: the tests are skipped.
set -euo pipefail
directory=$1
packages=(isc-dhcp-server kea-dhcp4-server dnsmasq-base bind9-utils mtools)
setup=$(dirname "$0")
. "$setup/private_apt.sh"
script_sha256=$(cat "$0" "$setup/private_apt.sh" | sha256sum | cut -d' ' -f1)

if [ "$(cat "$directory/made-from" 2>/dev/null)" = "$script_sha256" ]; then exit 0; fi
for need in apt-get dpkg-deb "$keyring"; do
  if ! command -v "$need" >/dev/null && ! [ -e "$need" ]; then echo "No DHCP servers for the tests: there is no $need here."; exit 0; fi
done
mkdir -p "$directory"
directory=$(realpath "$directory")
work=$(mktemp -d "$directory/.work-XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir "$work/root"
private_apt "$work" amd64
echo "deb [signed-by=$keyring arch=amd64] $mirror bookworm main" >"$work/sources.list"
if ! { apt-get update --quiet=2 --error-on=any && apt-get install --quiet=2 --yes --download-only "${packages[@]}"; } >"$work/log" 2>&1; then
  echo "No DHCP servers for the tests: the packages could not be fetched from $mirror: $(grep -m 1 '^E:' "$work/log" || tail -n 1 "$work/log")"
  exit 0
fi
for package in "$work"/cache/archives/*.deb; do dpkg-deb --extract "$package" "$work/root"; done
rm -rf "$directory/root"
mv "$work/root" "$directory/root"
echo "$script_sha256" >"$directory/made-from"
