# shellcheck shell=bash
# Sourced by scripts that unpack packages of Debian: an apt of its own, which changes nothing of the system's and needs no root.

keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# private_apt WORK ARCHITECTURE... makes it in the folder WORK and sets APT_CONFIG and mirror; WORK/sources.list is the caller's.
private_apt() {
  local work=$1 architecture
  shift
  mkdir -p "$work"/{state/lists/partial,cache/archives/partial,sources.d,preferences.d}
  # as on an empty system, for which everything has to be fetched
  touch "$work/state/status"
  # The mirror that this machine uses already, where it runs Debian
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Identifier: Packages' 'Origin: Debian' 'Component: main' 2>/dev/null |
    grep -v security | head -n 1 || true)
  mirror=${mirror:-http://deb.debian.org/debian/}
  cat >"$work/apt.conf" <<CONFIG
Dir::State "$work/state";
Dir::State::status "$work/state/status";
Dir::Cache "$work/cache";
Dir::Etc::sourcelist "$work/sources.list";
Dir::Etc::sourceparts "$work/sources.d";
Dir::Etc::preferencesparts "$work/preferences.d";
APT::Architecture "$1";
APT::Architectures {$(for architecture in "$@"; do printf ' "%s";' "$architecture"; done) };
APT::Sandbox::User "$(id -un)";
APT::Install-Recommends "false";
APT::Get::List-Cleanup "false";
Debug::NoLocking "true";
Acquire::Languages "none";
Acquire::Retries "2";
CONFIG
  export APT_CONFIG=$work/apt.conf
}
