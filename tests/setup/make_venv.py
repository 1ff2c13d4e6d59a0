# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make the virtual environment that everything runs in: make_venv.py DIRECTORY

Holds what requirements.txt and tests/requirements.txt ask for, and this checkout as the collection
multiarch.openshift, so that its playbooks run by name. A second call does nothing, unless the requirements or the
Python version have changed.
"""

from __future__ import annotations

import hashlib
import pathlib
import shutil
import subprocess
import sys
import venv

ROOT = pathlib.Path(__file__).resolve().parents[2]
REQUIREMENTS = (ROOT / "requirements.txt", ROOT / "tests" / "requirements.txt")


def fingerprint() -> str:
    """What the environment is made from."""
    digest = hashlib.sha256(sys.version.encode())
    for path in REQUIREMENTS:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def link_collection(directory: pathlib.Path) -> None:
    """Make this checkout importable and known to Ansible under its name."""
    (site_packages,) = directory.glob("lib/python3*/site-packages")
    link = site_packages / "ansible_collections" / "multiarch" / "openshift"
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(ROOT)


def main() -> None:
    directory = pathlib.Path(sys.argv[1])
    stamp = directory / ".made-from"
    if stamp.exists() and stamp.read_text() == fingerprint():
        link_collection(directory)
        return
    if sys.version_info < (3, 11):
        sys.exit(f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}: PYTHON=python3.13 make …")
    if directory.exists() and not stamp.exists():
        sys.exit(f"{directory} was not made, or not finished, by this program, so it is left alone: remove it first.")
    print(f"Making {directory} with Python {sys.version.split()[0]} (about a minute, once) …", flush=True)
    shutil.rmtree(directory, ignore_errors=True)
    try:
        venv.create(directory, with_pip=True)
    except subprocess.CalledProcessError:
        sys.exit("This Python cannot make virtual environments; on Debian: apt-get install python3-venv")
    arguments = [argument for path in REQUIREMENTS for argument in ("-r", str(path))]
    pip = [str(directory / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, *arguments], check=True)
    link_collection(directory)
    stamp.write_text(fingerprint())


if __name__ == "__main__":
    main()
