# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""HTTP with the standard library only, in constant memory. Private to the collection.

This is what runs on a web host that has nothing but Python; it is the edge, and knows nothing of publishing.
"""

from __future__ import annotations

import base64
import http.client
import socket
import ssl
import typing as t
import urllib.error
import urllib.parse
import urllib.request

from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError

CHUNK_SIZE = 1024 * 1024


class TransferError(Exception):
    """A request that did not do what it should. ``status`` is 0 where there was no answer."""

    def __init__(self, reason: str, *, status: int = 0, untrusted: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
        self.untrusted = untrusted


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *unused: t.Any) -> None:
        return None


class Client:
    """Requests with one set of credentials, one trust and one way through proxies.

    ``proxies``: None takes the proxies of the environment, an empty dict uses none.
    """

    def __init__(
        self,
        *,
        timeout: float,
        trust: ssl.SSLContext,
        proxies: dict[str, str] | None,
        authorization: str = "",
        follow_redirects: bool = False,
    ) -> None:
        self._timeout = timeout
        self._trust = trust
        self._headers = {"User-Agent": "multiarch.openshift", "Cache-Control": "no-cache"}
        if authorization:
            self._headers["Authorization"] = authorization
        handlers: list[urllib.request.BaseHandler] = [
            urllib.request.ProxyHandler(proxies),
            urllib.request.HTTPSHandler(context=trust),
        ]
        if not follow_redirects:
            handlers.append(_NoRedirects())
        self._opener = urllib.request.build_opener(*handlers)

    def request(self, method: str, url: str, headers: dict[str, str] | None = None) -> http.client.HTTPResponse:
        """The answer with its body unread; close it. Raises TransferError for anything but 2xx."""
        request = urllib.request.Request(url, method=method, headers={**self._headers, **(headers or {})})
        try:
            return self._opener.open(request, timeout=self._timeout)
        except urllib.error.HTTPError as exc:
            exc.close()
            raise _refusal(exc.code, exc.reason, exc.headers.get("Location")) from None
        except (OSError, http.client.HTTPException) as exc:
            raise self._failure(exc) from exc

    def read(self, response: http.client.HTTPResponse) -> t.Iterator[bytes]:
        """The body in pieces; raises TransferError where it ends before the length that was announced."""
        total = response.length
        done = 0
        while True:
            try:
                chunk = response.read(CHUNK_SIZE)
            except (OSError, http.client.HTTPException) as exc:
                reason = f"{self._failure(exc).reason} after {_of(done, total)}"
                raise TransferError(reason) from exc
            if not chunk:
                break
            done += len(chunk)
            yield chunk
        if total is not None and done < total:
            raise TransferError(f"the body ended after {_of(done, total)}")

    def put(self, url: str, chunks: t.Iterable[bytes], size: int) -> None:
        """Send ``size`` bytes; an error raised by ``chunks`` breaks the request off."""
        parts = urllib.parse.urlsplit(url)
        host = parts.hostname or ""
        connection: http.client.HTTPConnection
        if parts.scheme == "https":
            connection = http.client.HTTPSConnection(host, parts.port, timeout=self._timeout, context=self._trust)
        else:
            connection = http.client.HTTPConnection(host, parts.port, timeout=self._timeout)
        try:
            connection.putrequest("PUT", parts.path + (f"?{parts.query}" if parts.query else ""))
            for name, value in {**self._headers, "Content-Length": str(size)}.items():
                connection.putheader(name, value)
            connection.endheaders()
            try:
                for chunk in chunks:
                    connection.send(chunk)
            except (BrokenPipeError, ConnectionResetError, ssl.SSLEOFError):
                # A server that refuses a big body answers, then hangs up. Its answer says why, so read that first.
                pass
            response = connection.getresponse()
            response.read()
            if not 200 <= response.status < 300:
                raise _refusal(response.status, response.reason, response.getheader("Location"))
        except (OSError, http.client.HTTPException) as exc:
            raise self._failure(exc) from exc
        finally:
            connection.close()

    def _failure(self, exc: BaseException) -> TransferError:
        cause = exc.reason if isinstance(exc, urllib.error.URLError) else exc
        if isinstance(cause, ssl.SSLCertVerificationError):
            return TransferError(f"its certificate is not trusted ({cause.verify_message})", untrusted=True)
        if isinstance(cause, ssl.SSLError):
            return TransferError(f"TLS failed ({cause.reason or cause})")
        if isinstance(cause, socket.gaierror):
            return TransferError("the host name cannot be resolved")
        if isinstance(cause, (TimeoutError, socket.timeout)):
            return TransferError(f"nothing came for {self._timeout:g} seconds")
        if isinstance(cause, ConnectionRefusedError):
            return TransferError("the connection was refused")
        if isinstance(cause, (http.client.RemoteDisconnected, ConnectionError, http.client.IncompleteRead)):
            return TransferError("the server hung up")
        return TransferError(str(cause) or type(cause).__name__)


def trusted_authorities(ca_path: str) -> ssl.SSLContext:
    """The host's own authorities, and those of ``ca_path`` besides: a mirror may be public and the web host not."""
    trust = ssl.create_default_context()
    if ca_path:
        try:
            trust.load_verify_locations(cafile=ca_path)
        except OSError as exc:
            raise OperationError(
                f"Reading the CA certificates of {ca_path} failed: {exc.strerror or exc}.",
                "ca_path must be a readable PEM file on the host that this task runs on.",
            ) from exc
    return trust


def authorization_header(username: str, password: str, token: str) -> str:
    if token:
        return f"Bearer {token}"
    if username:
        return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()
    return ""


def _refusal(status: int, reason: str, location: str | None) -> TransferError:
    if 300 <= status < 400 and location:
        return TransferError(f"the server answered {status} and sends on to {location.split('?')[0]}", status=status)
    return TransferError(f"the server answered {status} {reason}".rstrip(), status=status)


def _of(done: int, total: int | None) -> str:
    return f"{done} of {total} bytes" if total is not None else f"{done} bytes"


__all__ = ("CHUNK_SIZE", "Client", "TransferError", "authorization_header", "trusted_authorities")
