# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The conversation with a BMC: what is repeated and what is not, whom it trusts, and what it keeps to itself."""

from __future__ import annotations

import pathlib
import ssl
import threading
import typing as t

import pytest
from aiohttp import web

from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_answer import BmcError
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_answer import Refused
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_answer import everything
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_answer import wait_for
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_answer import words
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_client import Client
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_client import Credentials
from lab.loop import LoopThread
from lab.pki import Authority

Answers = t.Callable[[web.BaseRequest], web.Response]


class Server:
    """Answers with what it is given, one after the other; the last one again and again."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.authority = Authority(directory / "ca")
        self.answers: list[Answers | None] = []
        self.seen: list[tuple[str, str, str | None]] = []
        self._loop = LoopThread("server")
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(*self.authority.server("bmc", ["127.0.0.1"]))

    def __enter__(self) -> Server:
        async def listen() -> None:
            self._runner = web.ServerRunner(web.Server(self._handle, access_log=None), shutdown_timeout=0.1)
            await self._runner.setup()
            await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self._context).start()
            self.port = self._runner.addresses[0][1]

        self._loop.run(listen())
        return self

    def __exit__(self, *_exception: object) -> None:
        self._loop.run(self._runner.cleanup())
        self._loop.close()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.seen.append((request.method, request.path_qs, request.headers.get("If-Match")))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer is None:  # the connection is cut after the request came
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        return answer(request)

    def client(self, *, timeout: float = 5, **values: t.Any) -> Client:
        given = {"username": "operator", "password": "canary-secret", **values}
        given.setdefault("ca_path", str(self.authority.certificate_path))
        pauses: list[float] = []
        return Client(
            f"https://127.0.0.1:{self.port}",
            Credentials(**given),
            timeout=timeout,
            sleep=pauses.append,
            clock=lambda: sum(pauses),
        )


@pytest.fixture
def server(tmp_path: pathlib.Path) -> t.Iterator[Server]:
    with Server(tmp_path) as server:
        yield server


def json(status: int, body: dict[str, t.Any] | None = None, **headers: str) -> Answers:
    return lambda _request: web.json_response(body or {}, status=status, headers=headers)


def error(status: int, message_id: str, message: str) -> Answers:
    info = [{"MessageId": message_id, "Message": message}]
    return json(status, {"error": {"code": message_id, "@Message.ExtendedInfo": info}})


def test_reading_is_repeated_and_changing_is_not(server: Server) -> None:
    server.answers = [None, json(503), json(200, {"Id": "1"})]
    assert server.client().get("/redfish/v1/").body == {"Id": "1"}
    server.answers = [None, json(204)]
    with pytest.raises(BmcError) as failure:
        server.client().post("/redfish/v1/Reset", {"ResetType": "ForceRestart"}, seconds=30)
    assert failure.value.code == "bmc_unreachable"
    assert "whether it took the POST is not known" in failure.value.message
    assert [method for method, *_rest in server.seen] == ["GET", "GET", "GET", "POST"]


def test_a_change_has_the_time_of_its_step_for_its_answer(server: Server) -> None:
    over = threading.Event()

    def late(_request: web.BaseRequest) -> web.Response:
        over.wait(0.5)
        return web.Response(status=204)

    server.answers = [late]
    assert server.client(timeout=0.1).post("/a", {}, seconds=30).status == 204
    with pytest.raises(BmcError, match="whether it took the POST is not known"):
        server.client(timeout=0.1).post("/a", {}, seconds=0.1)


def test_a_bmc_that_is_not_ready_is_asked_again_until_the_time_is_over(server: Server) -> None:
    server.answers = [error(503, "IDRAC.2.5.SYS518", "not ready"), json(204)]
    assert server.client().post("/a", {}, seconds=30).status == 204
    server.answers = [error(400, "iLO.2.14.InvalidOperationForSystemState", "not in this state")]
    with pytest.raises(Refused):
        server.client().post("/a", {}, seconds=3)
    assert 3 < len(server.seen) < 8


def test_every_spelling_of_an_etag_is_tried_and_none_at_last(server: Server) -> None:
    server.answers = [*[error(412, "Base.1.18.PreconditionFailed", "no")] * 3, json(204)]
    server.client().patch("/a", {}, etag='W/"7"', seconds=5)
    assert [etag for *_rest, etag in server.seen] == ['W/"7"', '"7"', "7", None]
    server.seen.clear()
    server.answers = [error(400, "Base.1.18.PropertyUnknown", "no")]
    with pytest.raises(Refused):
        server.client().patch("/a", {}, etag='"7"', seconds=5)
    assert len(server.seen) == 1


def test_a_redirect_or_link_to_another_server_is_not_followed(server: Server) -> None:
    server.answers = [json(308, Location="/redfish/v1/"), json(200)]
    assert server.client().get("/redfish/v1").status == 200
    server.answers = [json(308, Location="https://192.0.2.99/redfish/v1/")]
    with pytest.raises(BmcError, match="another server"):
        server.client().get("/redfish/v1")
    server.answers = [json(308, Location="/redfish/v1/")]
    with pytest.raises(BmcError, match="without an end"):
        server.client().get("/redfish/v1")


def test_the_bmcs_words_are_told_without_user_and_password(server: Server) -> None:
    def repeat(request: web.BaseRequest) -> web.Response:
        text = f"operator canary-secret {request.headers['Authorization']} the operators' guide"
        return error(400, "Base.1.18.GeneralError", text)(request)

    server.answers = [repeat]
    with pytest.raises(Refused) as failure:
        server.client().post("/a", {}, seconds=5)
    assert failure.value.message.endswith("says: … … Basic … the operators' guide")
    assert "canary" not in failure.value.says
    assert "canary" not in repr(Credentials("operator", "canary-secret", ""))


def test_a_password_is_not_cut_in_two_before_it_is_looked_for(server: Server) -> None:
    cut = "x" * 596 + "canary-secret"
    server.answers = [error(400, "Base.1.18.GeneralError", cut)]
    with pytest.raises(Refused) as failure:
        server.client().post("/a", {}, seconds=5)
    assert failure.value.message.endswith("x…")
    server.answers = [lambda _request: web.Response(status=502, text=cut)]
    with pytest.raises(Refused) as failure:
        server.client().post("/a", {}, seconds=5)
    assert failure.value.message.endswith("x…")


def test_a_page_of_markup_is_told_as_text(server: Server) -> None:
    server.answers = [lambda _request: web.Response(status=502, text="<html><h1>Bad Gateway</h1></html>")]
    with pytest.raises(Refused, match="502 to POST /a, and says: Bad Gateway"):
        server.client().post("/a", {}, seconds=5)


def test_a_certificate_is_trusted_by_its_ca_or_for_itself_alone(server: Server, tmp_path: pathlib.Path) -> None:
    server.answers = [json(200)]
    assert server.client().get("/").status == 200
    own = server.authority.directory / "bmc.crt"
    assert server.client(ca_path=str(own)).get("/").status == 200
    with pytest.raises(BmcError, match="is not trusted"):
        server.client(ca_path="").get("/")
    with pytest.raises(BmcError, match="is not trusted"):
        server.client(ca_path=str(Authority(tmp_path / "other").certificate_path)).get("/")
    (tmp_path / "empty.pem").write_text("nothing\n")
    with pytest.raises(BmcError, match="holds no certificate"):
        server.client(ca_path=str(tmp_path / "empty.pem"))
    # a CA vouches for names, not for any name
    with pytest.raises(BmcError, match="certificate is not valid for 'localhost'"):
        Client(
            f"https://localhost:{server.port}",
            Credentials("a", "b", str(server.authority.certificate_path)),
            timeout=5,
        ).get("/")
    pinned = Client(f"https://localhost:{server.port}", Credentials("a", "b", str(own)), timeout=5)
    assert pinned.get("/").status == 200


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"error": {"@Message.ExtendedInfo": [{"Message": "A."}, {"Message": "B."}, {"Message": "A."}]}}, "A. B."),
        ({"error": {"@Message.ExtendedInfo": {"MessageId": "Base.1.0.X"}}}, "Base.1.0.X"),
        ({"@Message.ExtendedInfo": [{"Message": "Top."}]}, "Top."),
        ({"error": {"message": "Plain.", "@Message.ExtendedInfo": []}}, "Plain."),
        ({"error": "text"}, ""),
        ({}, ""),
    ],
)
def test_errors_are_read_in_all_their_shapes(body: dict[str, t.Any], said: str) -> None:
    assert words(body) == said


def test_names_of_properties_are_found_in_arguments_too() -> None:
    info = {"MessageId": "Base.1.18.ActionParameterMissing", "MessageArgs": ["InsertMedia", "TransferProtocolType"]}
    assert "TransferProtocolType" in everything({"error": {"@Message.ExtendedInfo": [info]}})


def test_waiting_ends_with_what_was_found_or_with_the_time() -> None:
    passed = [0.0]
    found = iter([False, False, "there"])

    def sleep(seconds: float) -> None:
        passed[0] += seconds

    assert wait_for(lambda: next(found), seconds=10, clock=lambda: passed[0], sleep=sleep) == "there"
    assert wait_for(lambda: False, seconds=10, clock=lambda: passed[0], sleep=sleep) is False
    assert 10 <= passed[0] < 22
