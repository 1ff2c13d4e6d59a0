# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The conversation with one BMC over HTTPS. Private to the collection.

Own code on the standard library. sushy, which holds many of these quirks, was looked at (5.14): it repeats any request
after a lost connection, a restart too, takes proxies and .netrc from the environment, cannot trust a BMC's own
certificate that names no address, and needs Python 3.11.
"""

from __future__ import annotations

import base64
import http.client
import json
import re
import ssl
import time
import typing as t
import urllib.parse

from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_answer import Answer
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_answer import BmcError
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_answer import Json
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_answer import Refused
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_answer import everything
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_answer import parsed
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_answer import words
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_quirks import not_ready

_LARGEST = 8 * 1024 * 1024
# Some BMCs answer with a page of markup or a stack of messages; more than this helps nobody.
_MOST_WORDS = 600
_CONNECT = 10.0
_TRIES = 3
_REDIRECTS = 3
# OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH
_OTHER_NAME = (62, 64)
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.S)


class Credentials(t.NamedTuple):
    username: str
    password: str
    ca_path: str
    """File with a CA, or with the BMC's own certificate; empty: the system's CAs."""

    def __repr__(self) -> str:
        return "Credentials(…)"


class Client:
    """Requests to one BMC, each on a connection of its own: many BMCs choke on connections that stay open.

    :param url: scheme, host and port
    :param timeout: seconds that one answer may take
    """

    def __init__(
        self,
        url: str,
        credentials: Credentials,
        *,
        timeout: float,
        sleep: t.Callable[[float], None] = time.sleep,
        clock: t.Callable[[], float] = time.monotonic,
    ) -> None:
        parts = urllib.parse.urlsplit(url)
        self.address = parts.netloc
        self._host = parts.hostname or ""
        self._port = parts.port or 443
        self._timeout = timeout
        self._sleep = sleep
        self._clock = clock
        self._credentials = credentials
        pair = f"{credentials.username}:{credentials.password}".encode()
        self._authorization = base64.b64encode(pair).decode()
        self._pinned: list[bytes] = []
        self._context = self._trust(credentials.ca_path)

    # --- requests -------------------------------------------------------------------------------------------

    def get(self, path: str) -> Answer:
        for _unused in range(_REDIRECTS):
            answer = self._exchange("GET", path, None, {}, timeout=self._timeout)
            if answer.status not in (301, 302, 307, 308):
                return answer
            path = answer.headers.get("location", "")
        raise BmcError("bmc_answer", f"its BMC {self.address} redirects without an end.")

    def post(self, path: str, body: Json | None, *, seconds: float) -> Answer:
        """
        :param body: None sends none at all
        :param seconds: how long a BMC that says `not now` is asked again, and what its answer may take at least
        """
        return self._patiently("POST", path, body, {}, seconds)

    def patch(self, path: str, body: Json, *, etag: str, seconds: float) -> Answer:
        tries = dict.fromkeys([etag, etag.removeprefix("W/") if etag else "", etag.removeprefix("W/").strip('"'), ""])
        for last, spelling in enumerate(tries, 1 - len(tries)):
            try:
                return self._patiently("PATCH", path, body, {"If-Match": spelling} if spelling else {}, seconds)
            except Refused as refused:
                if refused.status != 412 or last == 0:
                    raise
        raise AssertionError("a list of spellings is never empty")

    def _patiently(self, method: str, path: str, body: Json | None, headers: dict[str, str], seconds: float) -> Answer:
        until = self._clock() + seconds
        pause = 0.5
        while True:
            try:
                return self._exchange(method, path, body, headers, timeout=max(self._timeout, seconds))
            except Refused as refused:
                if not not_ready(refused.says) or self._clock() + pause > until:
                    raise
            self._sleep(pause)
            pause = min(5.0, pause * 2)

    def _exchange(
        self, method: str, path: str, body: Json | None, headers: dict[str, str], *, timeout: float
    ) -> Answer:
        """One request; repeated where it never arrived, and where it only reads."""
        for left in reversed(range(_TRIES)):
            sent = False
            try:
                connection = self._connect()
                connection.sock.settimeout(timeout)
                try:
                    sent = True
                    answer, content = self._send(connection, method, self._own(path), body, headers)
                finally:
                    connection.close()
            except (OSError, http.client.HTTPException) as error:
                if isinstance(error, ssl.SSLError) or left == 0 or (sent and method != "GET"):
                    raise self._failure(method, error) from None
            else:
                if answer.status < 500 or left == 0 or method != "GET":
                    return self._checked(method, path, answer, content)
            self._sleep(1.0)
        raise AssertionError("the last try returns or raises")

    def _send(
        self,
        connection: http.client.HTTPSConnection,
        method: str,
        path: str,
        body: Json | None,
        headers: dict[str, str],
    ) -> tuple[Answer, bytes]:
        content = None if body is None else json.dumps(body).encode()
        sent = {
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "Authorization": f"Basic {self._authorization}",
            "Connection": "close",
            "OData-Version": "4.0",
            **({} if content is None else {"Content-Type": "application/json"}),
            **headers,
        }
        connection.request(method, path, content, sent)
        response = connection.getresponse()
        read = response.read(_LARGEST)
        received = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, received, parsed(read)), read

    def _own(self, path: str) -> str:
        """The path of a link; one that leads elsewhere would carry the password there."""
        parts = urllib.parse.urlsplit(path)
        if parts.netloc and (parts.scheme != "https" or parts.netloc != self.address):
            raise BmcError("bmc_answer", f"its BMC {self.address} leads to another server, {parts.hostname}.")
        if not parts.path.startswith("/"):
            raise BmcError("bmc_answer", f"its BMC {self.address} gives the link {self.told(path)!r}, which is none.")
        return urllib.parse.urlunsplit(("", "", parts.path, parts.query, ""))

    # --- what went wrong ------------------------------------------------------------------------------------

    def _checked(self, method: str, path: str, answer: Answer, content: bytes) -> Answer:
        if answer.status < 400:
            return answer
        text = words(answer.body) or " ".join(re.sub(r"<[^>]*>", " ", content.decode(errors="replace")).split())
        said = f", and says: {self.told(text)}" if text else ""
        where = urllib.parse.urlsplit(path).path
        if answer.status == 401:
            # never a second time: BMCs lock accounts
            raise BmcError(
                "bmc_credentials",
                f"its BMC {self.address} refuses user and password (401){said}",
                "Correct machine_bmc_username and machine_bmc_password.",
            )
        raise Refused(
            f"its BMC {self.address} answers {answer.status} to {method} {where}{said}",
            answer.status,
            self._redacted(everything(answer.body) or text),
        )

    def _failure(self, method: str, error: Exception) -> BmcError:
        if isinstance(error, ssl.SSLCertVerificationError):
            return BmcError(
                "bmc_tls",
                f"the certificate of its BMC {self.address} is not trusted: {error.verify_message}",
                "Set machine_bmc_ca_path to a file with the CA of that certificate, or with the certificate itself"
                f" (openssl s_client -connect {self._host}:{self._port} </dev/null | openssl x509), compared with the"
                " BMC's console.",
            )
        if isinstance(error, ssl.SSLError):
            return BmcError("bmc_tls", f"no TLS connection with its BMC {self.address}: {error.reason or error}")
        what = error.strerror if isinstance(error, OSError) and error.strerror else str(error) or type(error).__name__
        done = "" if method == "GET" else f", and whether it took the {method} is not known"
        return BmcError(
            "bmc_unreachable",
            f"its BMC {self.address} cannot be reached: {what}{done}",
            "Correct machine_bmc_url, or the network between here and the BMC.",
        )

    def told(self, text: str) -> str:
        """A BMC's words as they may be shown: without user and password, which some repeat, and not too many."""
        return self._redacted(text)[:_MOST_WORDS]

    def _redacted(self, text: str) -> str:
        password = self._credentials.password
        for secret in (self._authorization, password, urllib.parse.quote(password, safe="")):
            text = text.replace(secret, "…")
        return re.sub(rf"(?<!\w){re.escape(self._credentials.username)}(?!\w)", "…", text)

    # --- TLS ------------------------------------------------------------------------------------------------

    def _trust(self, ca_path: str) -> ssl.SSLContext:
        if not ca_path:
            return ssl.create_default_context()
        try:
            with open(ca_path, encoding="ascii", errors="replace") as stream:
                self._pinned = [ssl.PEM_cert_to_DER_cert(text) for text in _CERTIFICATE.findall(stream.read())]
            context = ssl.create_default_context(cafile=ca_path)
        except (OSError, ValueError) as error:
            unread = isinstance(error, OSError) and not isinstance(error, ssl.SSLError)
            what = str(getattr(error, "strerror", error)) if unread else "it holds no certificate"
            raise BmcError(
                "bmc_tls", f"machine_bmc_ca_path {ca_path} cannot be used: {what}", "Correct machine_bmc_ca_path."
            ) from None
        # A certificate of the file is trusted whether it calls itself a CA or not, and makers' certificates often lack
        # what Python 3.13 began to ask for.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        return context

    def _connect(self) -> http.client.HTTPSConnection:
        try:
            return self._connected(self._context)
        except ssl.SSLCertVerificationError as error:
            if error.verify_code not in _OTHER_NAME or not self._pinned:
                raise
            # Makers' certificates name no address. The very certificate that the file holds is as good as a name.
            context = ssl.create_default_context(cafile=self._credentials.ca_path)
            context.verify_flags = self._context.verify_flags
            context.check_hostname = False
            connection = self._connected(context)
            shown = connection.sock.getpeercert(True)
            if shown in self._pinned:
                return connection
            connection.close()
            raise

    def _connected(self, context: ssl.SSLContext) -> http.client.HTTPSConnection:
        connection = http.client.HTTPSConnection(
            self._host, self._port, timeout=min(_CONNECT, self._timeout), context=context
        )
        try:
            connection.connect()
        except BaseException:
            connection.close()
            raise
        return connection


__all__ = ("Client", "Credentials")
