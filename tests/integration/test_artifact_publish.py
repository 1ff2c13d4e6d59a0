# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""artifact_publish as playbooks use it: files carried to the web host, jobs with progress, results and secrets."""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import re
import ssl
import subprocess
import sys
import typing as t

import pytest

from lab.pki import Authority
from support.faulty_server import FaultyServer

PLAYBOOK = pathlib.Path(sys.executable).with_name("ansible-playbook")
IGNITION = b'{"ignition": {"version": "3.4.0", "canary": "ignition-canary"}}'
PASSWORD = "password-canary"
# The web host's own user is ours, but Ansible takes it for another one and carries the files to it.
BECOME = """#!/bin/sh
while [ "$1" != /bin/sh ]; do shift; done
exec "$@"
"""


class Site:
    """A mirror that speaks TLS with a private authority, a web host, and the playbook's own machine."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        for name in ("mirror", "web", "controller", "remote_tmp", "async"):
            (folder / name).mkdir()
        self.authority = Authority(folder / "ca")
        trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trust.load_cert_chain(*self.authority.server("mirror", ["127.0.0.1"]))
        self.mirror = FaultyServer(folder / "mirror", trust=trust)
        self.web = FaultyServer(folder / "web")
        (folder / "become").write_text(BECOME)
        (folder / "become").chmod(0o755)

    def close(self) -> None:
        self.mirror.close()
        self.web.close()

    def artifact(self, source: str, name: str, content: bytes, **more: str) -> dict[str, str]:
        place = {"url": "mirror", "file": "controller", "remote_file": "controller"}[source]
        path = self.folder / place / pathlib.Path(name).name
        path.write_bytes(content)
        if source == "file":
            path.chmod(0o600)
        location = f"{self.mirror.url}/{path.name}" if source == "url" else str(path)
        return {"name": name, source: location, "sha256": hashlib.sha256(content).hexdigest(), **more}

    def start(self, *tasks: dict[str, t.Any]) -> subprocess.Popen[str]:
        """Runs the tasks on the web host; each result is kept, and no failure ends the play."""
        play = {
            "name": "Publish",
            "hosts": "web",
            "gather_facts": False,
            "tasks": [
                *({"ignore_errors": True, **task, "register": f"result_{i}"} for i, task in enumerate(tasks)),
                {
                    "name": "Keep the results",
                    "ansible.builtin.copy": {
                        "dest": str(self.folder / "results.json"),
                        "content": "{{ [" + ", ".join(f"result_{i}" for i in range(len(tasks))) + "] | to_json }}",
                        "mode": "0600",
                    },
                    "no_log": True,
                },
            ],
        }
        (self.folder / "play.yml").write_text(json.dumps([play]))
        (self.folder / "inventory").write_text(
            f"web ansible_connection=local ansible_python_interpreter={sys.executable} "
            f"ansible_become_exe={self.folder}/become\n"
        )
        environment = {
            **os.environ,
            "ANSIBLE_REMOTE_TMP": str(self.folder / "remote_tmp"),
            "ANSIBLE_ASYNC_DIR": str(self.folder / "async"),
            "ANSIBLE_NOCOLOR": "1",
            "SSL_CERT_FILE": os.devnull,
            "REQUESTS_CA_BUNDLE": os.devnull,
        }
        command = [str(PLAYBOOK), "-i", f"{self.folder}/inventory", f"{self.folder}/play.yml", "-vvv", "--diff"]
        return subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=self.folder
        )

    def results(self) -> list[dict[str, t.Any]]:
        return json.loads((self.folder / "results.json").read_text())


def publish(*artifacts: dict[str, str], become: bool = False, check_mode: bool = False, **where: t.Any) -> t.Any:
    return {
        "name": "Publish",
        "multiarch.openshift.artifact_publish": {"artifacts": list(artifacts), **where},
        "become": become,
        "check_mode": check_mode,
    }


@pytest.fixture
def sites(tmp_path: pathlib.Path) -> t.Iterator[list[Site]]:
    made = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        made.append(Site(tmp_path / name))
    yield made
    for site in made:
        site.close()


def test_artifacts_are_published_by_a_playbook(sites: list[Site]) -> None:
    site, slow_site = sites
    # In the background: a download that takes its time
    slow_site.mirror.seconds_per_mebibyte = 1.0
    slow = slow_site.artifact("url", "416/aarch64/rootfs.img", os.urandom(8 << 20))
    slow_run = slow_site.start(
        publish(slow, directory=f"{slow_site.folder}/web", ca_path=str(slow_site.authority.certificate_path))
    )

    ignition = site.artifact("file", "lab-x7k2p/worker.ign", IGNITION)
    kernel = site.artifact("url", "416/aarch64/kernel", b"\x1f\x8b kernel", kind="kernel")
    initramfs = site.artifact("remote_file", "416/aarch64/initramfs", b"initramfs")
    iso = site.artifact("file", "lab-x7k2p/install.iso", os.urandom(2 << 20))
    lost = {**kernel, "name": "416/lost", "url": f"{site.mirror.url}/lost"}
    folder: dict[str, t.Any] = {
        "directory": f"{site.folder}/web",
        "base_url": site.web.url,
        "ca_path": str(site.authority.certificate_path),
    }
    everything = [ignition, kernel, initramfs]
    site.web.credentials = "publisher:another"
    run = site.start(
        publish(*everything, {**ignition, "name": "later.ign", "file": "/not/yet.ign"}, **folder, check_mode=True),
        publish(*everything, **folder),
        publish(*everything, **folder),
        publish(*everything, **folder, check_mode=True),
        publish(iso, {**ignition, "name": "carried.ign"}, **folder, become=True),
        publish(iso, **folder, become=True),
        publish(lost, {**ignition, "name": "beside.ign"}, **folder),
        publish({**ignition, "name": "dav.ign"}, put_url=site.web.url, username="publisher", password=PASSWORD),
        publish({**ignition, "name": "../etc"}, **folder),
        publish({**ignition, "file": "/absent.ign"}, **folder),
    )
    output, _unused = run.communicate(timeout=100)
    assert run.returncode == 0, output
    check, first, second, check_again, carried, asked, mixed, refused, bad_name, absent = site.results()

    def actions(result: dict[str, t.Any]) -> list[str]:
        return [artifact["action"] for artifact in result["artifacts"]]

    assert check["changed"]
    assert actions(check) == ["would_publish"] * 4
    assert first["changed"]
    assert actions(first) == ["published"] * 3
    assert first["artifacts"][1] == {
        "name": "416/aarch64/kernel",
        "kind": "kernel",
        "url": f"{site.web.url}/416/aarch64/kernel",
        "sha256": kernel["sha256"],
        "size": 9,
        "action": "published",
        "format": "gzip",
    }
    for result in (second, check_again):
        assert not result["changed"]
        assert actions(result) == ["present"] * 3
    assert actions(carried) == ["published"] * 2
    assert (site.folder / "web/carried.ign").read_bytes() == IGNITION
    assert (site.folder / "web/carried.ign").stat().st_mode & 0o777 == 0o644
    assert not asked["changed"]
    assert len(re.findall(r"PUT \S*/install\.iso TO", output)) == 1  # asked first, so carried once

    assert mixed["failed"]
    assert mixed["changed"]
    assert actions(mixed) == ["failed", "published"]
    assert f"416/lost: downloading {site.mirror.url}/lost failed: the server answered 404" in mixed["msg"]
    assert "dav.ign: uploading to" in refused["msg"]
    assert "answered 401" in refused["msg"]
    assert "may not contain '..'" in bad_name["msg"]
    assert absent["msg"].startswith("lab-x7k2p/worker.ign: ")
    assert "/absent.ign" in absent["msg"]
    assert not (site.folder / "etc").exists()
    assert not (site.folder / "web/dav.ign").exists()

    everything_kept = output + (site.folder / "results.json").read_text()
    assert "ignition-canary" not in everything_kept
    assert PASSWORD not in everything_kept
    assert not list((site.folder / "remote_tmp").rglob("artifact-*"))
    assert not list((site.folder / "async").iterdir())
    assert not {"ansible_job_id", "results_file", "started", "finished"} & first.keys()
    assert not re.search(r"\d+% of", output)  # short transfers say nothing

    slow_output, _unused = slow_run.communicate(timeout=60)
    assert slow_run.returncode == 0, slow_output
    assert re.search(r"^rootfs\.img  \d+% of 8\.0 MiB$", slow_output, re.MULTILINE)
    assert (slow_site.folder / "web" / slow["name"]).stat().st_size == 8 << 20
