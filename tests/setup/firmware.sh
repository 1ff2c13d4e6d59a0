#!/usr/bin/env bash
# Boot loaders, kernels and UEFI firmware for tests/firmware, out of Debian's packages. usage: firmware.sh DIRECTORY
# Installs nothing and needs no root: the packages (62 MB, of Debian 12 and 13, whatever Debian runs here) are only
# unpacked. A second call does nothing. Where it cannot work it says why and ends with success: the tests are skipped.
set -euo pipefail
directory=$1
stamp=$directory/made-from
setup=$(dirname "$0")
. "$setup/private_apt.sh"
script_sha256=$(cat "$0" "$setup/private_apt.sh" | sha256sum | cut -d' ' -f1)

if [ "$(cat "$stamp" 2>/dev/null)" = "$script_sha256" ]; then exit 0; fi
for need in apt-get dpkg-deb; do
  if ! command -v "$need" >/dev/null; then echo "No boot loaders for tests/firmware: there is no $need here."; exit 0; fi
done
if [ ! -e "$keyring" ]; then echo "No boot loaders for tests/firmware: $keyring is missing."; exit 0; fi

mkdir -p "$directory"
directory=$(realpath "$directory")
stamp=$directory/made-from
work=$(mktemp -d "$directory/.work-XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir "$work/packages"
private_apt "$work" amd64 arm64
cat >"$work/sources.list" <<SOURCES
deb [signed-by=$keyring arch=amd64,arm64] $mirror bookworm main
deb [signed-by=$keyring arch=arm64] $mirror trixie main
SOURCES

newest_kernel() {  # the image behind a meta package of Debian 12
  apt-cache depends "$1/bookworm" | sed -n 's/^ *Depends: \(linux-image-[^:]*\).*/\1/p'
}

fetch() {
  apt-get update --quiet=2 --error-on=any
  cd "$work/packages"
  apt-get download --quiet=2 \
    busybox-static:arm64/bookworm \
    "$(newest_kernel linux-image-cloud-arm64:arm64):arm64" \
    busybox-static:amd64/bookworm \
    "$(newest_kernel linux-image-cloud-amd64:amd64):amd64" \
    grub-efi-arm64-{signed,bin}:arm64/bookworm \
    grub-efi-arm64-{signed,bin}:arm64/trixie \
    qemu-efi-aarch64/bookworm ipxe/trixie \
    {pxelinux,syslinux-common}/bookworm
}

if ! (fetch) >"$work/log" 2>&1; then
  echo "No boot loaders for tests/firmware: the packages could not be fetched from $mirror: $(grep -m 1 '^E:' "$work/log" || tail -n 1 "$work/log")"
  exit 0
fi

unpack() {  # NAME FOLDER
  dpkg-deb -x "$(echo "$work"/packages/$1)" "$work/$2"
}

unpack 'linux-image-*-cloud-arm64_*' aarch64
unpack 'busybox-static_*_arm64.deb' aarch64
unpack 'linux-image-*-cloud-amd64_*' x86_64
unpack 'busybox-static_*_amd64.deb' x86_64
for version in 2.06 2.12; do
  unpack "grub-efi-arm64-signed_1+${version}+*" "grub-$version"
  unpack "grub-efi-arm64-bin_${version}-*" "grub-$version"
done
for name in qemu-efi-aarch64 ipxe pxelinux syslinux-common; do unpack "${name}_*" loaders; done

for architecture in aarch64 x86_64; do
  mkdir -p "$directory/$architecture"
  cp "$work/$architecture"/boot/vmlinuz-* "$directory/$architecture/kernel"
  cp "$work/$architecture/bin/busybox" "$directory/$architecture/busybox"
  for module in virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci failover net_failover virtio_net; do
    find "$work/$architecture/lib/modules" -name "$module.ko" -exec cp -t "$directory/$architecture" {} +
  done
done
for version in 2.06 2.12; do
  mkdir -p "$directory/grub-$version"
  cp "$work/grub-$version/usr/lib/grub/arm64-efi-signed/grubnetaa64.efi.signed" "$directory/grub-$version/grubaa64.efi"
  cp -r "$work/grub-$version/usr/lib/grub/arm64-efi" "$directory/grub-$version/"
done
cp "$work"/loaders/usr/share/qemu-efi-aarch64/QEMU_EFI.fd "$work"/loaders/usr/lib/ipxe/ipxe-arm64.efi \
  "$work"/loaders/usr/lib/PXELINUX/{,l}pxelinux.0 "$work"/loaders/usr/lib/syslinux/modules/bios/ldlinux.c32 "$directory/"
echo "$script_sha256" >"$stamp"
