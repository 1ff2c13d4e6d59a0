# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The join of all machines at once: follows the API, decides, approves, looks at port 10250. Private to the collection.

One thread takes what the feeds report and decides; everything that waits for an answer (approvals, patches, probes, the
withdrawal of boot files) runs beside it and reports into the same queue.
"""

from __future__ import annotations

import concurrent.futures
import copy
import queue
import time
import typing as t
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace

from ansible_collections.multiarch.openshift.plugins.module_utils._csr import APPROVE
from ansible_collections.multiarch.openshift.plugins.module_utils._csr import REJECT
from ansible_collections.multiarch.openshift.plugins.module_utils._csr import Decision
from ansible_collections.multiarch.openshift.plugins.module_utils._csr import contenders
from ansible_collections.multiarch.openshift.plugins.module_utils._csr import decide
from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._guard import is_ready
from ansible_collections.multiarch.openshift.plugins.module_utils._join import APPROVAL_REASON
from ansible_collections.multiarch.openshift.plugins.module_utils._join import Assessment
from ansible_collections.multiarch.openshift.plugins.module_utils._join import Proof
from ansible_collections.multiarch.openshift.plugins.module_utils._join import Run
from ansible_collections.multiarch.openshift.plugins.module_utils._join import assess
from ansible_collections.multiarch.openshift.plugins.module_utils._join import deadline
from ansible_collections.multiarch.openshift.plugins.module_utils._join import foreign_approval
from ansible_collections.multiarch.openshift.plugins.module_utils._join import needs_boot_file
from ansible_collections.multiarch.openshift.plugins.module_utils._kube import Conflict
from ansible_collections.multiarch.openshift.plugins.module_utils._kube import Forbidden
from ansible_collections.multiarch.openshift.plugins.module_utils._kube import NotFound
from ansible_collections.multiarch.openshift.plugins.module_utils._kube import TooManyRequests
from ansible_collections.multiarch.openshift.plugins.module_utils._kube import Unauthorized
from ansible_collections.multiarch.openshift.plugins.module_utils._kube import Unavailable
from ansible_collections.multiarch.openshift.plugins.module_utils._kube import Unprocessable
from ansible_collections.multiarch.openshift.plugins.module_utils._machine import NETWORK_BOOT
from ansible_collections.multiarch.openshift.plugins.module_utils._near_miss import near_misses
from ansible_collections.multiarch.openshift.plugins.module_utils._node_patch import arrival_patch
from ansible_collections.multiarch.openshift.plugins.module_utils._node_patch import is_cordoned
from ansible_collections.multiarch.openshift.plugins.module_utils._node_patch import uncordon_patch
from ansible_collections.multiarch.openshift.plugins.module_utils._printable import printable
from ansible_collections.multiarch.openshift.plugins.module_utils._probe import Answer
from ansible_collections.multiarch.openshift.plugins.module_utils._probe import ask_kubelet
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_machine import may_be_told
from ansible_collections.multiarch.openshift.plugins.module_utils._site_watch import SiteWatch
from ansible_collections.multiarch.openshift.plugins.module_utils._surroundings import check_same_cluster
from ansible_collections.multiarch.openshift.plugins.module_utils._surroundings import look_around
from ansible_collections.multiarch.openshift.plugins.module_utils._surroundings import needed_rights
from ansible_collections.multiarch.openshift.plugins.module_utils._surroundings import review_access
from ansible_collections.multiarch.openshift.plugins.module_utils._tables import csr_table
from ansible_collections.multiarch.openshift.plugins.module_utils._tables import node_table
from ansible_collections.multiarch.openshift.plugins.module_utils._watch import EVENT
from ansible_collections.multiarch.openshift.plugins.module_utils._watch import FAILED
from ansible_collections.multiarch.openshift.plugins.module_utils._watch import LISTED
from ansible_collections.multiarch.openshift.plugins.module_utils._watch import RELIST_SECONDS
from ansible_collections.multiarch.openshift.plugins.module_utils._watch import SILENCE_SECONDS
from ansible_collections.multiarch.openshift.plugins.module_utils._watch import Collection
from ansible_collections.multiarch.openshift.plugins.module_utils._watch import Feed
from ansible_collections.multiarch.openshift.plugins.module_utils._watch import Report
from ansible_collections.multiarch.openshift.plugins.module_utils._world import CLIENT_SIGNER
from ansible_collections.multiarch.openshift.plugins.module_utils._world import SERVING_SIGNER
from ansible_collections.multiarch.openshift.plugins.module_utils._world import SIGNERS
from ansible_collections.multiarch.openshift.plugins.module_utils._world import Approval
from ansible_collections.multiarch.openshift.plugins.module_utils._world import Parameters
from ansible_collections.multiarch.openshift.plugins.module_utils._world import World
from ansible_collections.multiarch.openshift.plugins.module_utils._world import claimed_node
from ansible_collections.multiarch.openshift.plugins.module_utils._world import condition
from ansible_collections.multiarch.openshift.plugins.module_utils._world import created
from ansible_collections.multiarch.openshift.plugins.module_utils._world import is_decided
from ansible_collections.multiarch.openshift.plugins.module_utils._world import rfc3339
from ansible_collections.multiarch.openshift.plugins.module_utils._world import seniority

CSR_API, CSR_KIND = "certificates.k8s.io/v1", "CertificateSigningRequest"
NODES = "nodes"
COLLECTIONS = (
    *(Collection(signer, CSR_API, CSR_KIND, f"spec.signerName={signer}") for signer in SIGNERS),
    Collection(NODES, "v1", "Node"),
)
# As many as an API server writes at once without effort; each takes it about 10 ms.
PARALLEL_APPROVALS = 16
PARALLEL_PROBES = 8
# Tries for one request: each starts with the decision on the object as it then is.
MOST_TRIES = 5
# Everything is looked at again this often, whether or not something was reported: deadlines and ages have no event.
SWEEP_SECONDS = 1.0
SWEPT_AT_ONCE = 10
# A kubelet takes a new certificate within a second, so the port is asked often at first, and later now and then.
EAGER_PROBE_SECONDS, EAGER_FOR_SECONDS, PROBE_SECONDS = 0.25, 5.0, 3.0
LONGEST_PAUSE = 10.0
CLOSING_SECONDS = 15.0
MOST_LEFT_LINES = 10
MOST_CANDIDATES = 20

Record = dict[str, t.Any]
T = t.TypeVar("T")


@dataclass(frozen=True)
class Settings:
    """The options of a join."""

    parameters: Parameters = field(default_factory=Parameters)
    state: str = "proven"
    timeout: float = 5400.0
    heartbeat: float = 30.0
    probe_kubelet: str = "auto"
    cordon: bool = False
    deny_addresses: tuple[str, ...] = ()
    deny_names: tuple[str, ...] = ()
    access_log: str = ""
    base_url: str = ""
    published: t.Mapping[str, t.Any] = field(default_factory=dict)
    # the controller's time
    since: float | None = None
    relist_seconds: float = RELIST_SECONDS
    silence_seconds: float = SILENCE_SECONDS


@dataclass(frozen=True)
class Done:
    """Something that ran beside the decision has ended."""

    kind: str
    subject: t.Any
    result: t.Any = None
    error: OperationError | None = None
    # Number of the connection with which it was done.
    connection: int = 0


class Join:
    """One join.

    :param say: takes a line for people, as things happen
    :param note: takes an event as plain data, as things happen
    :param disarm: withdraws the boot files of these machines and says whether there were any
    :param by_bmc: takes back what the BMCs of these machines were told, the media too, or the boot override alone
    :param look_at_site: asks the web host with these arguments of site_watch_info
    :param reconnect: makes a new connection, for a token that has expired
    """

    def __init__(
        self,
        cluster: t.Any,
        machines: t.Sequence[Record],
        settings: Settings,
        *,
        say: t.Callable[[str], None],
        note: t.Callable[[Record], None] = lambda event: None,
        disarm: t.Callable[[list[Record]], bool] | None = None,
        by_bmc: t.Callable[[list[Record], bool], None] | None = None,
        look_at_site: t.Callable[[Record], Record] | None = None,
        reconnect: t.Callable[[], t.Any] | None = None,
    ) -> None:
        self.records = [dict(machine) for machine in machines]
        self._cluster = cluster
        self._settings = settings
        self._say: t.Callable[[str], None] = lambda line: say(printable(line))
        self._note = note
        self._disarm = disarm
        self._by_bmc = by_bmc
        self._look_at_site = look_at_site
        self._site: SiteWatch | None = None
        self._watching = False
        self._reconnect = reconnect
        self._connection = 0
        self._active = {record["node_name"]: record for record in self.records if not record.get("failed")}
        self._world = World(parameters=settings.parameters)
        self._run = Run(started=self._now(), timeout=settings.timeout, state=settings.state)
        self._reports: queue.Queue[Report | Done] = queue.Queue()
        self._found: dict[str, Assessment] = {}
        self._decisions: dict[str, Decision] = {}
        self._tries: dict[str, int] = {}
        self._in_flight: set[str] = set()
        self._not_before: dict[str, float] = {}
        self._delays: dict[str, float] = {}
        self._seen: dict[str, float] = {}
        self._patching: set[str] = set()
        self._patch_tried: set[str] = set()
        self._patch_errors: dict[str, OperationError] = {}
        self._unpatchable: set[str] = set()
        self._half_joined: set[str] = set()
        self._probing: set[str] = set()
        self._disarmed: set[str] = set()
        self._needless: set[str] = set()
        self._unswept: list[str] = []
        self._disarming = False
        self._at_bmcs = 0
        self._said: dict[str, set[str]] = {}
        self._trouble: dict[str, str] = {}
        self.approved: list[Record] = []
        self.warnings: list[str] = []
        self.stopped = ""

    # -- the two ways to run -------------------------------------------------------------------------------------------

    def look(self) -> Record:
        """One look, nothing written: what would be approved, and where each machine stands."""
        self._prepare(write=False)
        for collection in COLLECTIONS:
            items, _version = self._cluster.list(
                collection.api_version, collection.kind, field_selector=collection.field_selector
            )
            self._replace(collection.name, items)
        self._run.started = self._now()
        would: dict[str, list[str]] = {}
        stopped = {
            record["name"]
            for record in self._active.values()
            if foreign_approval(record, self._world, self._run) is not None
        }
        for csr in sorted(self._world.csrs.values(), key=seniority):
            decision = self._decide(csr)
            if decision.verdict == APPROVE and decision.machine and decision.machine not in stopped:
                would.setdefault(decision.machine, []).append(csr["metadata"]["name"])
                self.approved.append(self._approval_entry(csr, decision))
        self._run.misses = near_misses(self._active, self._world, self._now())
        for record in self._active.values():
            self._assess(record, quiet=True)
        self._probe_once()
        for record in self._active.values():
            self._assess(record, quiet=True)
            names = would.get(record["name"], [])
            record["changed"] = bool(record.get("changed") or names)
            if names:
                record["reason"] = ""
                record["would"] = [*record.get("would", []), f"approve {', '.join(names)}"]
                self._event(record["name"], "would_approve", f"would approve {', '.join(names)}")
            # A look ahead ends no machine.
            record["failed"] = record["failed"] and record["reason_code"] != "timed_out"
        return self._result(changed=bool(self.approved))

    @property
    def settled(self) -> bool:
        """Whether a look has found nothing to do: every machine is where it ends, and nothing would be written."""
        if self.approved:
            return False
        for name, record in self._active.items():
            node, found = self._world.nodes.get(name), self._found[name]
            # what a look does not end, a run may have to
            if node is None or not found.final or found.failed != record["failed"] or record.get("arm"):
                return False
            if not record["failed"] and self._node_patch(record, node, final=True) is not None:
                return False
        return True

    def tell(self) -> None:
        """Say where each machine stands, after a look that is all that there is."""
        for name, record in self._active.items():
            self._announce(record, None, self._found[name])

    def run(self) -> Record:
        """Wait for all machines and approve what the decision approves."""
        self._patiently(lambda: self._prepare(write=True))
        if not self._active:
            return self._result(changed=False)
        self._run.started = self._now()
        if self._look_at_site is not None:
            self._site = SiteWatch(
                list(self._active.values()),
                access_log=self._settings.access_log,
                base_url=self._settings.base_url,
                published=self._settings.published,
                since=None if self._settings.since is None else self._settings.since + self._cluster.clock_offset,
                now=self._now(),
            )
            self._run.diagnose = self._site.diagnosis
            if self._site.blind:
                self._alarm(self._site.blind)
        self._approvers = concurrent.futures.ThreadPoolExecutor(PARALLEL_APPROVALS, "approve")
        self._probers = concurrent.futures.ThreadPoolExecutor(PARALLEL_PROBES, "probe")
        self._helper = concurrent.futures.ThreadPoolExecutor(1, "disarm")
        # a BMC may take minutes, and neither boot files nor the look at the web host wait for it
        self._bmc_helper = concurrent.futures.ThreadPoolExecutor(1, "bmcs")
        feeds: list[Feed] = []
        try:
            self._say(f"Waiting for {len(self._active)} machines on {self._cluster.server}")
            feeds += self._start_feeds()
            self._follow(feeds)
            self._close()
        except OperationError as error:
            self._stop(error)
        except BaseException:
            self._note({"event": "interrupted", "machines": {r["name"]: r["stage"] for r in self.records}})
            raise
        finally:
            for feed in feeds:
                feed.stop()
            for executor in (self._approvers, self._probers, self._helper, self._bmc_helper):
                executor.shutdown(wait=False, cancel_futures=True)
        return self._result(changed=any(record.get("changed") for record in self.records))

    @property
    def patches_nodes(self) -> bool:
        """Whether nodes may have to be changed."""
        return self._settings.cordon or any(m.get("labels") or m.get("taints") for m in self._active.values())

    @property
    def longest_deadline(self) -> float:
        """The deadline of the machine that may take longest, if the join begins now; API time."""
        run = Run(started=self._now(), timeout=self._settings.timeout)
        return max((deadline(record, run) for record in self._active.values()), default=run.started)

    def _patiently(self, work: t.Callable[[], T]) -> T:
        """An API that is away for a moment has no say in whether machines join that are being installed already."""
        until = max((deadline(record, self._run) for record in self._active.values()), default=self._now())
        pause, told = 0.25, False
        while True:
            try:
                return work()
            except (TooManyRequests, Unavailable) as error:
                if self._now() >= until:
                    raise
                if not told:
                    self._say(str(error))
                told, pause = True, min(LONGEST_PAUSE, 2 * pause)
                time.sleep(pause if isinstance(error, Unavailable) else error.retry_after)

    def _prepare(self, *, write: bool) -> None:
        review_access(self._cluster, needed_rights(approve=write, patch_nodes=write and self.patches_nodes))
        around = look_around(
            self._cluster,
            self.records,
            self._settings.parameters,
            deny_addresses=self._settings.deny_addresses,
            deny_names=self._settings.deny_names,
        )
        self._world = around.world
        self._run.authorities = around.authorities
        self._run.probe_kubelet = self._settings.probe_kubelet
        for warning in around.warnings:
            self._warn(warning)

    def _start_feeds(self) -> list[Feed]:
        feeds = [
            Feed(
                self._cluster,
                collection,
                self._reports,
                relist_seconds=self._settings.relist_seconds,
                silence_seconds=self._settings.silence_seconds,
            )
            for collection in COLLECTIONS
        ]
        for feed in feeds:
            feed.start()
        return feeds

    # -- the loop ------------------------------------------------------------------------------------------------------

    def _follow(self, feeds: list[Feed]) -> None:
        listed: set[str] = set()
        swept = beat = time.monotonic()
        while not self._is_over():
            touched = self._take_reports(listed, feeds)
            if len(listed) < len(COLLECTIONS):
                # Nothing is decided on half a picture; but deadlines hold also for an API that never answers.
                self._expire()
                continue
            self._look_at(touched | self._awaiting_probe() | self._due_for_sweep())
            self._disarm_some()
            self._watch_site()
            now = time.monotonic()
            if now - swept >= SWEEP_SECONDS:
                swept = now
                self._sweep()
            if now - beat >= self._settings.heartbeat:
                beat = now
                self._beat()

    def _take_reports(self, listed: set[str], feeds: list[Feed]) -> set[str]:
        """Take in what was reported; returns the nodes that it is about."""
        touched: set[str] = set()
        timeout = EAGER_PROBE_SECONDS if self._awaiting_probe() else SWEEP_SECONDS
        if self._unswept:
            timeout = 0.0
        while True:
            try:
                report = self._reports.get(timeout=timeout) if timeout else self._reports.get_nowait()
            except queue.Empty:
                return touched
            timeout = 0.0
            if isinstance(report, Done):
                touched |= self._take_done(report)
                if isinstance(report.error, Unauthorized) and report.connection == self._connection:
                    self._reconnect_or_raise(report.error, feeds)
            elif report.kind == LISTED:
                listed.add(report.collection)
                self._trouble.pop(report.collection, None)
                touched |= self._replace(report.collection, report.items, seen=report.seen)
            elif report.kind == EVENT:
                self._trouble.pop(report.collection, None)
                touched |= self._take_event(report)
            elif report.kind == FAILED:
                if report.feed in feeds:  # else it ended with the connection that has been replaced already
                    self._reconnect_or_raise(report.error, feeds)
            else:
                self._trouble[report.collection] = str(report.error)

    def _replace(self, collection: str, items: t.Sequence[Record], seen: float = 0.0) -> set[str]:
        if collection == NODES:
            self._world.replace_nodes(items)
        else:
            for csr in items:
                self._seen.setdefault(csr["metadata"]["uid"], seen)
            self._world.replace_csrs(collection, [self._newer(csr) for csr in items])
        return set(self._active)

    def _take_event(self, report: Report) -> set[str]:
        item, gone = report.event["object"], report.event["type"] == "DELETED"
        if report.collection == NODES:
            name = item["metadata"]["name"]
            if gone:
                self._world.remove_node(name)
            else:
                self._world.put_node(item)
            return {name} & set(self._active)
        uid = item["metadata"]["uid"]
        self._seen.setdefault(uid, report.seen)
        if gone:
            self._world.remove_csr(uid)
        else:
            self._world.put_csr(self._newer(item))
        return {claimed_node(item) or ""} & set(self._active)

    def _newer(self, csr: Record) -> Record:
        """The request, or what is known of it where that is newer: our own answers may overtake list and watch."""
        known = self._world.csrs.get(csr["metadata"]["uid"])
        return known if known is not None and _is_older(csr, known) else csr

    def _reconnect_or_raise(self, error: OperationError | None, feeds: list[Feed]) -> None:
        if not isinstance(error, Unauthorized) or self._reconnect is None:
            raise error or OperationError("A watch ended without a reason.")
        # A token that was renewed on disk: once, then the error is the answer.
        reconnect, self._reconnect = self._reconnect, None

        def connect() -> t.Any:
            cluster = reconnect()
            # What was renewed on disk may be the access to another cluster.
            check_same_cluster(cluster, self.records)
            return cluster

        self._cluster = self._patiently(connect)
        self._connection += 1
        for feed in feeds:
            feed.stop()
        feeds[:] = self._start_feeds()

    def _is_over(self) -> bool:
        return all(node_name in self._found and self._found[node_name].final for node_name in self._active)

    def _sweep(self) -> None:
        self._run.misses = near_misses(self._active, self._world, self._now())
        self._unswept = list(self._active)

    def _due_for_sweep(self) -> set[str]:
        """A part of the machines that a sweep has left: what is reported in between does not wait for all of them."""
        due, self._unswept = self._unswept[:SWEPT_AT_ONCE], self._unswept[SWEPT_AT_ONCE:]
        return set(due)

    def _expire(self) -> None:
        for record in self._active.values():
            if self._now() >= deadline(record, self._run):
                self._assess(record)

    def _look_at(self, node_names: set[str]) -> None:
        """Decide on the requests of these machines, then say where each stands, and do what that asks for.

        In this order: while the API writes the approvals, there is time to look.
        """
        open_ones = [name for name in node_names if name not in self._found or not self._found[name].final]
        for node_name in open_ones:
            if foreign_approval(self._active[node_name], self._world, self._run) is not None:
                continue  # it is not the machine that the run means: nothing more is given to it
            for signer in SIGNERS:
                for csr in self._candidates(signer, node_name):
                    self._consider(csr, self._active[node_name])
        for node_name in open_ones:
            self._follow_up(self._active[node_name])

    def _follow_up(self, record: Record) -> None:
        node_name = record["node_name"]
        found = self._assess(record)
        if found.failed:
            return
        self._patch_node(record, final=found.final)
        armed = bool(record.get("arm")) and node_name not in self._disarmed
        if armed and not needs_boot_file(record, self._world, self._run):
            self._needless.add(node_name)
            self._disarm_some()
        if found.probe:
            self._probe(record)

    # -- requests ------------------------------------------------------------------------------------------------------

    def _candidates(self, signer: str, node_name: str) -> list[Record]:
        """The requests of a machine to decide on; of a flood, the newest, and the newest of the well made ones."""
        claims = self._world.claims(signer, node_name)
        if len(claims) <= MOST_CANDIDATES:
            return claims
        good = contenders(signer, node_name, self._active, self._world, self._now())
        return [*good[-MOST_CANDIDATES:], *claims[-MOST_CANDIDATES:]]

    def _decide(self, csr: Record) -> Decision:
        decision = decide(csr, self._active, self._world, self._now())
        self._decisions[csr["metadata"]["uid"]] = decision
        return decision

    def _consider(self, csr: Record, record: Record) -> None:
        uid, name = csr["metadata"]["uid"], csr["metadata"]["name"]
        if is_decided(csr) or uid in self._in_flight:
            return
        if self._has_to_wait(uid):
            return
        decision = self._decide(csr)
        if decision.verdict != APPROVE:
            said = self._said.setdefault(record["name"], set())
            if decision.code == "copied" and decision.code not in said:
                said.add(decision.code)  # once: there may be hundreds
                self._warn_machine(record, f"{name} left alone: {decision.detail} {decision.hint}")
            if decision.verdict == REJECT or decision.code in ("ambiguous", "approved_before", "superseded"):
                self._left(record["name"], csr, decision, f"{name} left alone: {decision.detail}")
            return
        if self._tries.get(uid, 0) >= MOST_TRIES:
            text = f"could not be approved in {MOST_TRIES} tries"
            self._left(record["name"], csr, replace(decision, code="tries", detail=f"it {text}."), f"{name} {text}")
            return
        if csr["spec"]["signerName"] == SERVING_SIGNER and self._patch_comes_first(record):
            return
        for text in decision.notes:
            self._warn_machine(record, text)
        self._tries[uid] = self._tries.get(uid, 0) + 1
        self._in_flight.add(uid)
        # Counted from now on, so that a rival that comes while the answer is on its way finds it given.
        self._world.approved_here[uid] = Approval(record["node_name"], csr["spec"]["signerName"], self._now())
        body = _approved(csr, record["name"], self._now())
        self._beside(self._approvers, "approval", (csr, decision), lambda: self._cluster.put_approval(body))

    def _take_approval(self, done: Done) -> set[str]:
        csr, decision = done.subject
        uid, name, error = csr["metadata"]["uid"], csr["metadata"]["name"], done.error
        record = self._active[claimed_node(csr) or ""]
        self._in_flight.discard(uid)
        if error is None:
            self._count_approval(csr, decision, done.result)
            return {record["node_name"]}
        if isinstance(error, NotFound):
            del self._world.approved_here[uid]
            self._world.remove_csr(uid)
            return {record["node_name"]}
        if isinstance(error, Forbidden):
            del self._world.approved_here[uid]
            self._fail(record, "forbidden", error)
            return {record["node_name"]}
        if isinstance(error, (TooManyRequests, Unauthorized, Unavailable)):
            # An API that is overloaded or starts again does not use up the tries, nor does a token that has expired.
            self._tries[uid] -= 1
            self._postpone(uid, error.retry_after)
        if isinstance(error, Unauthorized):
            del self._world.approved_here[uid]
            return {record["node_name"]}
        # Whatever it was: the next decision is on the object as it is then. After an answer that never came, the
        # object also tells whether the approval was written.
        self._in_flight.add(uid)
        uncertain = isinstance(error, Unavailable)
        self._beside(
            self._approvers, "reread", (csr, decision, uncertain), lambda: self._cluster.get(CSR_API, CSR_KIND, name)
        )
        return set()

    def _postpone(self, key: str, least: float = 0.0) -> None:
        """Let a request, by its UID, or a Node, by its name, wait before it is written again: longer each time."""
        self._delays[key] = min(LONGEST_PAUSE, 2 * self._delays.get(key, 0.25))
        self._not_before[key] = time.monotonic() + max(self._delays[key], least)

    def _has_to_wait(self, key: str) -> bool:
        return time.monotonic() < self._not_before.get(key, 0.0)

    def _take_reread(self, done: Done) -> set[str]:
        csr, decision, uncertain = done.subject
        uid, fresh = csr["metadata"]["uid"], done.result
        self._in_flight.discard(uid)
        if done.error is not None:
            if not uncertain:
                del self._world.approved_here[uid]
            return set()  # else it is still uncertain, and still counted as given
        written = fresh is not None and (condition(fresh, "Approved") or {}).get("reason") == APPROVAL_REASON
        if uncertain and written:
            self._count_approval(csr, decision, fresh)
        else:
            del self._world.approved_here[uid]
            if fresh is None or fresh["metadata"]["uid"] != uid:
                self._world.remove_csr(uid)
            else:
                self._world.put_csr(self._newer(fresh))
        return {claimed_node(csr) or ""} & set(self._active)

    def _count_approval(self, csr: Record, decision: Decision, result: Record) -> None:
        record, uid = self._active[claimed_node(csr) or ""], csr["metadata"]["uid"]
        now = time.monotonic()
        waited = now - (self._seen.get(uid) or now)
        entry = self._approval_entry(csr, decision)
        entry.update(approved_at=rfc3339(self._now()), seconds=round(waited, 3))
        self.approved.append(entry)
        record["changed"] = True
        self._world.put_csr(self._newer(result))
        kind, name = _kind(csr["spec"]["signerName"]), csr["metadata"]["name"]
        text = f"{kind} CSR {name} approved ({waited:.1f} s after it appeared)"
        self._event(record["name"], f"{kind}_approved", text, csr=name)

    def _approval_entry(self, csr: Record, decision: Decision) -> Record:
        return {
            "name": csr["metadata"]["name"],
            "uid": csr["metadata"]["uid"],
            "machine": decision.machine,
            "signer": csr["spec"]["signerName"],
            "created": csr["metadata"].get("creationTimestamp") or "",
        }

    # -- machines ------------------------------------------------------------------------------------------------------

    def _assess(self, record: Record, *, quiet: bool = False) -> Assessment:
        found = assess(record, self._world, self._now(), run=self._run)
        before = self._found.get(record["node_name"])
        self._found[record["node_name"]] = found
        if not quiet and (before is None or before.stage != found.stage or before.final != found.final):
            self._announce(record, before, found)
        record.update(
            stage=found.stage,
            done=found.final and not found.failed,
            failed=found.failed,
            reason=found.reason,
            reason_code=found.code,
            hint=found.hint,
            client_csr=found.client_csr,
            serving_csr=found.serving_csr,
            approved_by=found.approved_by,
            proof=found.proof,
        )
        for text in (found.warning, found.history):
            if text:
                self._warn_machine(record, text)
        self._doubt(record)
        return found

    def _doubt(self, record: Record) -> None:
        """Warn of a machine that has come, and may have been installed with what somebody else wrote."""
        if self._site is None or record["stage"] in ("planned", "armed"):
            return
        text = self._site.doubt(record)
        if text:
            self._warn_machine(record, text)
            if record.get("done"):
                record["reason"] = text

    def _announce(self, record: Record, before: Assessment | None, found: Assessment) -> None:
        words = {
            "client_issued": "client certificate issued",
            "registered": f"node {record['node_name']} registered",
            "serving_issued": "serving certificate issued",
            "ready": f"node {record['node_name']} Ready",
            "proven": f"proven: port 10250 presents the certificate issued to {record['node_name']}",
            "joined": "joined, not proven",
        }
        if found.failed:
            self._event(record["name"], "failed", f"failed at {found.stage}: {found.reason} {found.hint}".rstrip())
        elif found.stage in words and (before is None or before.stage != found.stage):
            self._event(record["name"], found.stage, words[found.stage])

    def _fail(self, record: Record, code: str, error: OperationError) -> None:
        reason, hint = printable(error.message), printable(error.hint)
        found = Assessment(record["stage"], code, reason, hint, final=True, failed=True)
        before = self._found.get(record["node_name"])
        self._found[record["node_name"]] = found
        record.update(done=False, failed=True, reason=reason, reason_code=code, hint=hint)
        self._announce(record, before, found)

    def _patch_node(self, record: Record, *, final: bool) -> None:
        name = record["node_name"]
        node = self._world.nodes.get(name)
        if node is None or name in self._patching or name in self._unpatchable:
            return
        if self._has_to_wait(name):
            return
        if self._node_patch(record, node, final=final) is not None:
            self._patching.add(name)
            self._beside(self._approvers, "patch", record, lambda: self._write_node(record, final=final))

    def _patch_comes_first(self, record: Record) -> bool:
        """Whether the Node has still to be given its labels: a run that is killed before that must find it half joined.

        One try is enough, so that a Node that cannot be changed gets its certificate all the same.
        """
        name = record["node_name"]
        node = self._world.nodes.get(name)
        if node is None or name in self._patch_tried or name in self._unpatchable:
            return False
        return name in self._patching or self._node_patch(record, node, final=False) is not None

    def _node_patch(self, record: Record, node: Record, *, final: bool) -> Record | None:
        if final and is_cordoned(node):
            return uncordon_patch(node)
        if final:
            # what could not be written when the Node appeared is still owed
            return arrival_patch(record, node) if record["node_name"] in self._patch_errors else None
        if created(node) < self._run.since and is_ready(node) and not self._is_half_joined(node):
            return None  # what was Ready before this run keeps what its owner has made of it since
        return arrival_patch(record, node, cordon=self._settings.cordon)

    def _is_half_joined(self, node: Record) -> bool:
        """Whether it was joining in a run that was killed: a run gave it its client certificate, nobody a serving one.

        Once seen it stays so, for this run approves what is missing.
        """
        name = node["metadata"]["name"]
        if name not in self._half_joined:
            began = any(
                (condition(csr, "Approved") or {}).get("reason") == APPROVAL_REASON and created(csr) <= created(node)
                for csr in self._world.claims(CLIENT_SIGNER, name)
            )
            if began and not any(condition(csr, "Approved") for csr in self._world.claims(SERVING_SIGNER, name)):
                self._half_joined.add(name)
        return name in self._half_joined

    def _write_node(self, record: Record, *, final: bool) -> Record | None:
        """Patch the Node as it is now, again where somebody else wrote to it in between."""
        name = record["node_name"]
        for _unused in range(MOST_TRIES):
            node = self._cluster.get("v1", "Node", name)
            patch = self._node_patch(record, node, final=final) if node else None
            if patch is None:
                return None
            try:
                return self._cluster.patch("v1", "Node", name, patch)
            except Conflict:
                continue
        return None

    def _take_patch(self, done: Done) -> set[str]:
        record = done.subject
        name = record["node_name"]
        self._patching.discard(name)
        self._patch_tried.add(name)
        self._patch_errors.pop(name, None)
        if done.result is not None:
            self._world.put_node(done.result)
            record["changed"] = True
            self._event(record["name"], "node_patched", f"node {name} has the labels and taints of the inventory")
        elif isinstance(done.error, (Forbidden, Unprocessable)):
            self._unpatchable.add(name)
            self._warn_machine(record, f"the node {name} was not changed: {done.error.message}")
        elif isinstance(done.error, OperationError):
            self._patch_errors[name] = done.error
            self._postpone(name)
        return {name}

    def _owed_patches(self) -> list[Record]:
        """The machines whose Nodes are still to be changed at the end, and can be."""
        return [
            record
            for name, record in self._active.items()
            if not record["failed"]
            and name not in self._unpatchable
            and (node := self._world.nodes.get(name)) is not None
            and self._node_patch(record, node, final=True) is not None
        ]

    def _awaiting_probe(self) -> set[str]:
        """Nodes whose port is asked again in short order."""
        now = self._now()
        return {
            name
            for name, proof in self._run.proofs.items()
            if now - proof.since < EAGER_FOR_SECONDS and not self._found[name].final
        }

    def _probe(self, record: Record) -> None:
        name = record["node_name"]
        last = self._run.proofs.get(name)
        if name in self._probing:
            return
        if last is not None:
            eager = last.at - last.since < EAGER_FOR_SECONDS
            if self._now() - last.at < (EAGER_PROBE_SECONDS if eager else PROBE_SECONDS):
                return
        self._probing.add(name)
        addresses = list(record["addresses"])
        self._beside(self._probers, "probe", record, lambda: ask_kubelet(addresses))

    def _probe_once(self) -> None:
        """Ask, at the same time, the ports of all machines that wait for nothing else."""
        due = [record for record in self._active.values() if self._found[record["node_name"]].probe]
        with concurrent.futures.ThreadPoolExecutor(PARALLEL_PROBES) as pool:
            answers = list(pool.map(lambda record: ask_kubelet(list(record["addresses"])), due))
        now = self._now()
        for record, answer in zip(due, answers):
            self._run.proofs[record["node_name"]] = Proof(answer, now, now)

    def _take_probe(self, done: Done) -> set[str]:
        name, answer, now = done.subject["node_name"], done.result, self._now()
        self._probing.discard(name)
        if done.error is not None:
            return {name}
        last = self._run.proofs.get(name)
        same = last is not None and _same(last.answer, answer)
        self._run.proofs[name] = Proof(answer, now, last.since if same and last else now)
        return {name}

    def _disarm_some(self) -> None:
        """Withdraw the boot files and media of all machines that need theirs no more, in one call at a time."""
        if self._disarming or not self._needless:
            return
        due = [self._active[name] for name in sorted(self._needless)]
        self._needless.clear()
        self._disarmed |= {record["node_name"] for record in due}
        disarm = self._disarm
        if disarm is not None:
            self._disarming = True
            self._beside(self._helper, "disarm", due, lambda: disarm([dict(record) for record in due]))
        self._tell_bmcs([record for record in due if may_be_told(record)], media=True)

    def _tell_bmcs(self, due: list[Record], *, media: bool) -> None:
        """Have what these machines' BMCs were told taken back."""
        by_bmc = self._by_bmc
        if due and by_bmc is not None:
            self._at_bmcs += 1
            self._beside(self._bmc_helper, "by_bmc", due, lambda: by_bmc([dict(record) for record in due], media))

    def _take_by_bmc(self, done: Done) -> set[str]:
        self._at_bmcs -= 1
        for record in done.subject if done.error is not None else []:
            self._warn_machine(record, f"its BMC may still hold what was put in place: {done.error}")
        return {record["node_name"] for record in done.subject}

    def _take_disarm(self, done: Done) -> set[str]:
        self._disarming = False
        for record in done.subject:
            if record.get("boot_method") not in NETWORK_BOOT:
                continue
            if done.result:
                record["changed"] = True
                self._event(record["name"], "disarmed", "boot files withdrawn")
            elif done.error is not None:
                self._warn_machine(record, f"its boot files are still there: {done.error}")
        return {record["node_name"] for record in done.subject}

    def _watch_site(self) -> None:
        """Look at the web host now and then, while machines have to fetch something there."""
        if self._site is None or self._look_at_site is None or self._watching or not self._is_anybody_installing():
            return
        question, ask = self._site.due(self._now()), self._look_at_site
        if question is None:
            return
        self._watching = True
        arguments = question
        self._beside(self._helper, "watch", None, lambda: ask(arguments))

    def _is_anybody_installing(self) -> bool:
        return any(self._is_installing(record) or self._has_media(record) for record in self._active.values())

    def _has_media(self, record: Record) -> bool:
        """Whether it may boot the image that its BMC was given, now or once more."""
        found = self._found.get(record["node_name"])
        return may_be_told(record) and record["boot_method"] == "iso" and (found is None or not found.final)

    def _is_installing(self, record: Record) -> bool:
        found = self._found.get(record["node_name"])
        return bool(record.get("arm")) and found is not None and not found.final and found.stage in ("planned", "armed")

    def _take_watch(self, done: Done) -> set[str]:
        self._watching = False
        if self._site is None or done.error is not None:
            if done.error is not None:
                self._alarm(f"The web host is not looked at: {done.error}")
            return set()
        news = self._site.take(done.result, self._now())
        by_name = {record["name"]: record for record in self._active.values()}
        for text in news.warnings:
            self._alarm(text)
        # those that are done are not looked at again
        for record in self._active.values():
            self._doubt(record)
        for name, text, kinds in news.events:
            # Who has passed by in the meantime is not shown at an earlier place; the events have it all.
            if self._is_installing(by_name[name]):
                self._say(f"{name}  {text}")
            self._note({"event": "fetched", "machine": name, "text": text, "files": kinds})
        for name, served in news.reinstalling.items():
            self._stop_reinstalling(by_name[name], served)
        touched = set()
        for name, _text, _kinds in news.events:
            booted_at, node_name = self._site.booted_at(name), by_name[name]["node_name"]
            if booted_at is not None:
                by_name[name]["booted"] = rfc3339(booted_at)
            touched.add(node_name)
            # From here on the disk is its place: a machine that boots from the network first would never end.
            if self._site.installed(name) and by_name[name].get("arm") and node_name not in self._disarmed:
                self._needless.add(node_name)
        # The installer of an ISO reads from it until the machine restarts: the image has to stay, the override not.
        running = [by_name[name] for name, _text, kinds in news.events if "ignition" in kinds]
        self._tell_bmcs([record for record in running if self._has_media(record)], media=False)
        return touched

    def _stop_reinstalling(self, record: Record, served: bool) -> None:
        """It boots again from what installs it, and would go on for ever."""
        if record["boot_method"] != "iso":
            what = "asked for its boot file again" if not served else "was booted from the network again"
            outcome = "would have been installed again"
            if served:
                outcome = "is installed again: put its disk first in the boot order"
                if record.get("arm") and record["node_name"] not in self._disarmed:
                    self._needless.add(record["node_name"])
            self._warn_machine(record, f"it {what} after the ignition: it does not start from its disk, and {outcome}")
            return
        what_to_do = "take the ISO away, and put its disk first in the boot order"
        if self._has_media(record):
            self._needless.add(record["node_name"])
            what_to_do = "the ISO is ejected; put its disk first in the boot order, and restart it where it hangs"
        self._warn_machine(record, f"it has booted its ISO again instead of its disk, and installs again: {what_to_do}")

    def _alarm(self, text: str) -> None:
        """Warn of something that concerns the whole run, at once and once."""
        if text not in self.warnings:
            self._warn(text)
            self._say(f"WARNING  {text}")
            self._note({"event": "alarm", "text": text})

    # -- beside the decision -------------------------------------------------------------------------------------------

    def _beside(
        self, executor: concurrent.futures.Executor, kind: str, subject: t.Any, work: t.Callable[[], t.Any]
    ) -> None:
        connection = self._connection

        def do() -> None:
            try:
                self._reports.put(Done(kind, subject, work(), connection=connection))
            except OperationError as error:
                self._reports.put(Done(kind, subject, error=error, connection=connection))
            except Exception as error:  # pylint: disable=broad-exception-caught
                # Nobody looks at what a thread raises: the machine would wait for an answer that never comes.
                words = f"Unexpected {type(error).__name__}: {error}."
                self._reports.put(Done(kind, subject, error=OperationError(words), connection=connection))

        executor.submit(do)

    def _take_done(self, done: Done) -> set[str]:
        take = {
            "approval": self._take_approval,
            "reread": self._take_reread,
            "patch": self._take_patch,
            "probe": self._take_probe,
            "disarm": self._take_disarm,
            "by_bmc": self._take_by_bmc,
            "watch": self._take_watch,
        }
        return take[done.kind](done)

    def _close(self) -> None:
        """Let what is under way end: the last boot files, the last patches."""
        until = time.monotonic() + CLOSING_SECONDS
        while time.monotonic() < until:
            self._disarm_some()
            owed = self._owed_patches()
            for record in owed:
                self._patch_node(record, final=True)
            if not (owed or self._disarming or self._at_bmcs or self._in_flight or self._patching or self._watching):
                return
            try:
                report = self._reports.get(timeout=0.5)
            except queue.Empty:
                continue
            if isinstance(report, Done):
                self._take_done(report)
        for record in self._owed_patches():
            name = record["node_name"]
            why = self._patch_errors[name].message if name in self._patch_errors else "the API did not answer in time"
            self._warn_machine(record, f"the node {name} was not changed as the inventory says: {why}")

    def _stop(self, error: OperationError) -> None:
        """Nothing can go on: every machine that is not done stops here, with the reason."""
        self.stopped = str(error)
        for record in self._active.values():
            found = self._found.get(record["node_name"])
            if found is None or not found.final:
                self._fail(record, "stopped", error)

    # -- words ---------------------------------------------------------------------------------------------------------

    def _now(self) -> float:
        """API time."""
        return time.time() + self._cluster.clock_offset

    def _event(self, machine: str, event: str, text: str, **more: t.Any) -> None:
        self._say(f"{machine}  {text}")
        self._note({"event": event, "machine": machine, "text": printable(text), **more})

    def _left(self, machine: str, csr: Record, decision: Decision, text: str) -> None:
        """Say once why a request is left alone; a flood of them is cut short, the result has them all."""
        said, key = self._said.setdefault(machine, set()), f"{csr['metadata']['uid']} {decision.code}"
        if key in said or len(said) > MOST_LEFT_LINES:
            return
        said.add(key)
        if len(said) > MOST_LEFT_LINES:
            self._event(machine, "left", "more requests that are left alone come in; they are listed at the end")
            return
        # the report of a run that comes to no end has this alone
        why = {"code": decision.code, "detail": decision.detail, "hint": decision.hint}
        age = round(self._now() - created(csr))
        self._event(machine, "left", text, csr=csr["metadata"]["name"], age=age, **why)

    def _warn(self, text: str) -> None:
        text = printable(text)
        if text not in self.warnings:
            self.warnings.append(text)

    def _warn_machine(self, record: Record, text: str) -> None:
        warnings, text = record.setdefault("warnings", []), printable(text)
        if text not in warnings:
            record["warnings"] = [*warnings, text]
            self._event(record["name"], "warning", f"warning: {text}")

    def _beat(self) -> None:
        counts: dict[str, int] = {}
        for record in self.records:
            word = "failed" if record["failed"] else record["stage"]
            counts[word] = counts.get(word, 0) + 1
        waited = self._now() - self._run.started
        parts = ", ".join(f"{count} {word}" for word, count in sorted(counts.items()))
        trouble = "".join(f"; {text}" for text in sorted(set(self._trouble.values())))
        self._say(f"{waited:.0f} s: {parts}{trouble}")

    # -- the result ----------------------------------------------------------------------------------------------------

    def _pending_entry(
        self, csr: Record, now: float, as_they_are: dict[str, Record], unfailed: dict[str, Record]
    ) -> Record:
        """A request that waits: who asks, what for, for how long, what is decided on it and why, and the next command.

        What is said against it is its own; only where nothing is, it is its machine's failure.
        """
        decision = decide(csr, unfailed, self._world, now)
        if decision.verdict == APPROVE:
            decision = decide(csr, as_they_are, self._world, now)
        name = csr["metadata"]["name"]
        return {
            "name": name,
            "signer": csr["spec"]["signerName"],
            "requestor": printable(csr["spec"].get("username") or ""),
            "node_name": printable(self._world.claimed.get(csr["metadata"]["uid"]) or ""),
            "machine": decision.machine or "",
            "age": round(now - created(csr)),
            "decision": decision.verdict,
            "code": decision.code,
            "detail": decision.detail or "it is what the kubelet of the machine sends.",
            "hint": decision.hint,
            "command": f"oc adm certificate approve {name}",
        }

    def _result(self, *, changed: bool) -> Record:
        now = self._now()
        as_they_are = {record["node_name"]: record for record in self.records}
        unfailed = {name: {**record, "failed": False} for name, record in as_they_are.items()}
        pending = [
            self._pending_entry(csr, now, as_they_are, unfailed)
            for csr in sorted(self._world.csrs.values(), key=lambda csr: str(csr["metadata"]["name"]))
            if not is_decided(csr)
        ]
        left = [entry for entry in pending if entry["decision"] != APPROVE]
        shown = [csr for csr in self._world.csrs.values() if claimed_node(csr) in as_they_are or not is_decided(csr)]
        return {
            "changed": changed,
            "machines": self.records,
            "approved": self.approved,
            "pending": pending,
            "rejected": [entry for entry in left if entry["decision"] == REJECT and entry["machine"]],
            "near_misses": near_misses(self._active, self._world, now),
            "left": left,
            "warnings": self.warnings,
            "csr_table": csr_table(shown, now),
            "node_table": node_table((node for name, node in self._world.nodes.items() if name in as_they_are), now),
            "stopped": self.stopped,
        }


def _kind(signer: str) -> str:
    return "client" if signer == CLIENT_SIGNER else "serving"


def _approved(csr: Record, machine: str, now: float) -> Record:
    """The request as it was judged, with the approval: the API refuses it if the object has changed since."""
    body = copy.deepcopy(csr)
    body.update(apiVersion=CSR_API, kind=CSR_KIND)  # items of a list do not carry them
    body.setdefault("status", {})["conditions"] = [
        {
            "type": "Approved",
            "status": "True",
            "reason": APPROVAL_REASON,
            "message": f"Approved by multiarch.openshift for the machine {machine} of the inventory.",
            "lastUpdateTime": rfc3339(now),
        }
    ]
    return body


def _is_older(csr: Record, known: Record) -> bool:
    """Whether this state of a request was overtaken by the one that is known: nothing is ever taken back from one."""
    mine, other = csr.get("status") or {}, known.get("status") or {}
    return len(mine.get("conditions") or []) < len(other.get("conditions") or []) or bool(
        other.get("certificate") and not mine.get("certificate")
    )


def _same(one: Answer, other: Answer) -> bool:
    return (one.certificate, one.problem) == (other.certificate, other.problem)


__all__ = ("Join", "Settings")
