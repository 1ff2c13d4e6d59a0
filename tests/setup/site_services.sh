#!/usr/bin/env bash
# DHCP and DNS servers and mtools for the tests of network boot, out of Debian 12's packages. usage: site_services.sh DIRECTORY
# Installs and starts nothing and needs no root: the packages are unpacked with all that they depend on, so that they run
# on any Debian through their own loader. Where it cannot work it says why and ends with success: the tests are skipped.
set -euo pipefail
directory=$1
packages=(isc-dhcp-server kea-dhcp4-server dnsmasq-base bind9-utils mtools)
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
script_sha256=$(sha256sum "$0" | cut -d' ' -f1)

if [ "$(cat "$directory/made-from" 2>/dev/null)" = "$script_sha256" ]; then exit 0; fi
for need in apt-get dpkg-deb "$keyring"; do
  if ! command -v "$need" >/dev/null && ! [ -e "$need" ]; then echo "No DHCP servers for the tests: there is no $need here."; exit 0; fi
done
mkdir -p "$directory"
directory=$(realpath "$directory")
work=$(mktemp -d "$directory/.work-XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/{state/lists/partial,cache/archives/partial,sources.d,preferences.d,root}
# as on an empty system, for which everything has to be fetched
touch "$work/state/status"
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Identifier: Packages' 'Origin: Debian' 'Component: main' 2>/dev/null |
  grep -v security | head -n 1 || true)
mirror=${mirror:-http://deb.debian.org/debian/}
echo "deb [signed-by=$keyring arch=amd64] $mirror bookworm main" >"$work/sources.list"
cat >"$work/apt.conf" <<CONFIG
Dir::State "$work/state";
Dir::State::status "$work/state/status";
Dir::Cache "$work/cache";
Dir::Etc::sourcelist "$work/sources.list";
Dir::Etc::sourceparts "$work/sources.d";
Dir::Etc::preferencesparts "$work/preferences.d";
APT::Architecture "amd64";
APT::Architectures { "amd64"; };
APT::Sandbox::User "$(id -un)";
APT::Install-Recommends "false";
Debug::NoLocking "true";
Acquire::Languages "none";
Acquire::Retries "2";
CONFIG
export APT_CONFIG=$work/apt.conf
if ! { apt-get update --quiet=2 --error-on=any && apt-get install --quiet=2 --yes --download-only "${packages[@]}"; } >"$work/log" 2>&1; then
  echo "No DHCP servers for the tests: the packages could not be fetched from $mirror: $(grep -m 1 '^E:' "$work/log" || tail -n 1 "$work/log")"
  exit 0
fi
for package in "$work"/cache/archives/*.deb; do dpkg-deb --extract "$package" "$work/root"; done
rm -rf "$directory/root"
mv "$work/root" "$directory/root"
echo "$script_sha256" >"$directory/made-from"
