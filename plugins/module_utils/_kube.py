# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cluster's API: the only importer of kubernetes.core, openshift and kubernetes. Private to the collection.

Connection settings and their ``K8S_AUTH_*`` fall-backs are kubernetes.core's; requests go through openshift's dynamic
client; every client error becomes one of ours, which says what was tried, on which server, and the API's own words.
"""

from __future__ import annotations

import email.utils
import json
import os
import shutil
import tempfile
import time
import typing as t

from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError

MISSING: str = ""
try:
    import kubernetes
    import urllib3
    from kubernetes.client.rest import ApiException
    from openshift.dynamic import DynamicClient
    from openshift.dynamic.exceptions import ResourceNotFoundError
    from openshift.dynamic.exceptions import ResourceNotUniqueError
except ImportError as exc:
    MISSING = f"{exc.name or exc}: pip install kubernetes openshift"

try:
    from ansible_collections.kubernetes.core.plugins.module_utils.k8s.client import get_api_client
    from ansible_collections.kubernetes.core.plugins.module_utils.k8s.exceptions import CoreException
except ImportError:
    MISSING = MISSING or "the collection kubernetes.core: ansible-galaxy collection install 'kubernetes.core:<7.0.0'"

AUTH_ARGUMENT_SPEC: dict[str, dict[str, t.Any]] = {
    "host": {"type": "str"},
    "api_key": {"type": "str", "no_log": True},
    "kubeconfig": {"type": "raw", "no_log": True},
    "context": {"type": "str"},
    "username": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "client_cert": {"type": "path", "aliases": ["cert_file"]},
    "client_key": {"type": "path", "aliases": ["key_file"]},
    "ca_cert": {"type": "path", "aliases": ["ssl_ca_cert"]},
    "validate_certs": {"type": "bool", "aliases": ["verify_ssl"]},
    "proxy": {"type": "str"},
    "no_proxy": {"type": "str"},
    "impersonate_user": {"type": "str"},
    "impersonate_groups": {"type": "list", "elements": "str"},
}

TLS_HINT = (
    "Verification of the API's certificate is never switched off here: give its CA by ca_cert, K8S_AUTH_SSL_CA_CERT or"
    " the kubeconfig. In AWX, paste the CA into 'Certificate Authority data' of the OpenShift or Kubernetes API"
    " credential: while that field was never filled, AWX itself switches verification off."
)
CONNECT_SECONDS = 10.0
READ_SECONDS = 60.0
PAGE_SIZE = 500
RETRY_SECONDS = 1.0
# Threads of a join that ask at the same time, and some more.
CONNECTIONS = 32
_TRANSPORT_SETTINGS = (
    "ssl_ca_cert",
    "verify_ssl",
    "proxy",
    "no_proxy",
    "proxy_headers",
    "tls_server_name",
    "retries",
    "connection_pool_maxsize",
)


class ApiError(OperationError):
    """The API refused a request or could not be reached. ``status`` is the HTTP status, 0 where there was no answer."""

    status = 0

    def __init__(self, message: str, hint: str = "", *, retry_after: float = RETRY_SECONDS) -> None:
        super().__init__(message, hint)
        self.retry_after = retry_after


class Unavailable(ApiError):
    """No answer, or a 5xx answer: worth another try."""


class Unauthorized(ApiError):
    status = 401


class Forbidden(ApiError):
    status = 403


class NotFound(ApiError):
    status = 404


class Conflict(ApiError):
    status = 409


class Gone(ApiError):
    """The resourceVersion is too old: list again."""

    status = 410


class Unprocessable(ApiError):
    status = 422


class TooManyRequests(ApiError):
    """Slow down; ``retry_after`` is in seconds."""

    status = 429


class UnknownApi(ApiError):
    """The cluster does not serve this kind at all, which is not the same as having no object of it."""


_BY_STATUS: dict[int, type[ApiError]] = {
    error.status: error for error in (Unauthorized, Forbidden, NotFound, Conflict, Gone, Unprocessable, TooManyRequests)
}
_HINTS = {
    401: "The token or certificate is not valid (any more): check K8S_AUTH_* or the kubeconfig.",
    403: "Give the account this right; docs/rbac.md has the whole list.",
}


def api_error(status: int, what: str, body: str, retry_after: str | None = None) -> ApiError:
    """The error for an HTTP answer; ``body`` is a Kubernetes Status object as text, or anything else a proxy sent."""
    try:
        words = json.loads(body).get("message") or body
    except (ValueError, AttributeError):
        words = body
    words = " ".join(str(words).split())[:300]
    kind = _BY_STATUS.get(status, Unavailable if status >= 500 else ApiError)
    seconds = float(retry_after) if retry_after and retry_after.isdigit() else RETRY_SECONDS
    error = kind(f"{what}: HTTP {status}: {words}".rstrip(": ") + ".", _HINTS.get(status, ""), retry_after=seconds)
    error.status = status
    return error


def _is_off(value: t.Any) -> bool:
    return value is not None and str(value).strip().lower() in ("false", "no", "0", "off")


def refuse_unverified(params: t.Mapping[str, t.Any], environment: t.Mapping[str, str]) -> None:
    """Refuse a connection without certificate verification before anything is sent.

    :param environment: where the ``K8S_AUTH_*`` are looked up
    :raises OperationError: verification is switched off by argument, environment or kubeconfig
    """
    _refuse_unverified_settings(params, environment)
    # without the client no kubeconfig can be read, and no connection made
    if not MISSING:
        _refuse_unverified_kubeconfig(params, environment)


def _refuse_unverified_settings(params: t.Mapping[str, t.Any], environment: t.Mapping[str, str]) -> None:
    if _is_off(params.get("validate_certs")):
        raise OperationError("TLS verification is switched off by validate_certs.", TLS_HINT)
    for name in ("K8S_AUTH_VALIDATE_CERTS", "K8S_AUTH_VERIFY_SSL"):
        if params.get("validate_certs") is None and _is_off(environment.get(name)):
            raise OperationError(f"TLS verification is switched off by {name}.", TLS_HINT)


def _refuse_unverified_kubeconfig(params: t.Mapping[str, t.Any], environment: t.Mapping[str, str]) -> None:
    """Look into the kubeconfig that kubernetes.core is about to use: its client connects as soon as it is made."""
    host = params.get("host") or environment.get("K8S_AUTH_HOST")
    if host:
        if str(host).startswith("http://"):
            raise OperationError(f"The API is given as {host}, without TLS.", TLS_HINT)
        return
    kubeconfig = params.get("kubeconfig") or environment.get("K8S_AUTH_KUBECONFIG") or None
    context = params.get("context") or environment.get("K8S_AUTH_CONTEXT") or None
    configuration = kubernetes.client.Configuration()
    try:
        if isinstance(kubeconfig, dict):
            kubernetes.config.load_kube_config_from_dict(
                kubeconfig, context=context, client_configuration=configuration
            )
        else:
            kubernetes.config.load_kube_config(kubeconfig, context=context, client_configuration=configuration)
    except (kubernetes.config.ConfigException, OSError):
        return  # kubernetes.core finds the same and says so, or uses the account of the pod it runs in
    if not configuration.verify_ssl:
        raise OperationError("The kubeconfig switches TLS verification off (insecure-skip-tls-verify).", TLS_HINT)
    if str(configuration.host).startswith("http://"):
        raise OperationError(f"The kubeconfig gives the API as {configuration.host}, without TLS.", TLS_HINT)


class Cluster:
    """A connected cluster. Answers are plain dictionaries; all methods raise :class:`ApiError`.

    ``server`` is the API's URL for messages. ``clock_offset`` is the API's time minus ours in seconds, by the ``Date``
    header of the last answer (one second of resolution).
    """

    def __init__(self, api_client: t.Any) -> None:
        self.server: str = api_client.configuration.host
        self.clock_offset = 0.0
        self._api_client = api_client
        # The default cache has a name in /tmp that others can guess, and outlives a cluster whose kinds changed.
        cache = tempfile.mkdtemp(prefix="multiarch-discovery-")
        try:
            self._client = self._ask(
                "ask the API what it serves", lambda: DynamicClient(api_client, cache_file=os.path.join(cache, "cache"))
            )
        finally:
            shutil.rmtree(cache, ignore_errors=True)

    def _ask(self, what: str, request: t.Callable[[], t.Any]) -> t.Any:
        try:
            return request()
        except ApiException as exc:
            headers = exc.headers or {}
            raise api_error(
                exc.status or 0, f"Could not {what} ({self.server})", _text(exc.body), headers.get("Retry-After")
            ) from None
        except (urllib3.exceptions.HTTPError, OSError) as exc:
            reason = getattr(exc, "reason", None) or exc
            raise Unavailable(
                f"Could not {what}: {self.server} cannot be reached: {reason}.",
                "Check the address, the route and the CA (K8S_AUTH_* or kubeconfig).",
            ) from None

    def _request(self, what: str, method: str, path: str, **options: t.Any) -> dict[str, t.Any]:
        options.setdefault("_request_timeout", (CONNECT_SECONDS, READ_SECONDS))

        def send() -> dict[str, t.Any]:
            response = self._client.request(method, path, serialize=False, **options)
            self._note_clock(response)
            try:
                return json.loads(response.data)
            finally:
                response.release_conn()

        return self._ask(what, send)

    def _note_clock(self, response: t.Any) -> None:
        date = email.utils.parsedate_to_datetime(response.headers["Date"]) if "Date" in response.headers else None
        if date is not None:
            # the header is cut to whole seconds; half a second is its middle
            self.clock_offset = date.timestamp() + 0.5 - time.time()

    def _resource(self, api_version: str, kind: str) -> t.Any:
        try:
            return self._ask(
                f"find the kind {kind} of {api_version}",
                lambda: self._client.resources.get(api_version=api_version, kind=kind),
            )
        except (ResourceNotFoundError, ResourceNotUniqueError):
            raise UnknownApi(
                f"The API at {self.server} does not serve {kind} of {api_version}.",
                "Is this the OpenShift cluster that you mean?",
            ) from None

    def get(self, api_version: str, kind: str, name: str, namespace: str | None = None) -> dict[str, t.Any] | None:
        """The object, or None where the API knows the kind but has no such object."""
        path = self._resource(api_version, kind).path(name=name, namespace=namespace)
        where = f"{namespace}/{name}" if namespace else name
        try:
            return self._request(f"read {kind} {where}", "get", path)
        except NotFound:
            return None

    def list(
        self,
        api_version: str,
        kind: str,
        namespace: str | None = None,
        *,
        label_selector: str | None = None,
        field_selector: str | None = None,
    ) -> tuple[list[dict[str, t.Any]], str]:
        """All objects, read page by page, and the resourceVersion to watch from."""
        path = self._resource(api_version, kind).path(namespace=namespace)
        items: list[dict[str, t.Any]] = []
        limit: int | None = PAGE_SIZE
        token: str | None = None
        while True:
            try:
                page = self._request(
                    f"list {kind}",
                    "get",
                    path,
                    label_selector=label_selector,
                    field_selector=field_selector,
                    limit=limit,
                    _continue=token,
                )
            except Gone:
                if token is None:
                    raise
                items, limit, token = [], None, None  # the pages grew too old: all in one answer
                continue
            items += page.get("items") or []
            token = page["metadata"].get("continue")
            if not token:
                return items, page["metadata"]["resourceVersion"]

    def watch(
        self,
        api_version: str,
        kind: str,
        *,
        resource_version: str,
        field_selector: str | None = None,
        timeout_seconds: int = 270,
        read_timeout: float = 30.0,
    ) -> t.Iterator[dict[str, t.Any]]:
        """Events as the API sends them, bookmarks included, until it ends the stream.

        ``read_timeout`` is the silence in seconds after which the connection counts as lost.

        :raises Gone: also when it comes as an event inside the stream
        :raises Unavailable: the connection was lost
        """
        path = self._resource(api_version, kind).path()
        what = f"watch {kind}"
        response = self._ask(
            what,
            lambda: self._client.request(
                "get",
                path,
                serialize=False,
                watch=True,
                allow_watch_bookmarks=True,
                resource_version=resource_version,
                field_selector=field_selector,
                timeout_seconds=timeout_seconds,
                _request_timeout=(CONNECT_SECONDS, read_timeout),
            ),
        )
        try:
            lines = _lines(response)
            while True:
                line = self._ask(what, lambda: next(lines, None))
                if line is None:
                    return
                try:
                    event = json.loads(line)
                except ValueError:
                    raise Unavailable(f"Could not {what}: {self.server} ended in the middle of an event.") from None
                if event.get("type") == "ERROR":
                    status = event.get("object") or {}
                    raise api_error(int(status.get("code") or 500), f"Could not {what}", json.dumps(status))
                yield event
        finally:
            response.close()

    def put_approval(self, csr: dict[str, t.Any]) -> dict[str, t.Any]:
        """Write the approval of exactly this version of the request.

        Source: Kubernetes API, certificates.k8s.io/v1, ``/approval``.
        """
        name = csr["metadata"]["name"]
        path = f"/apis/certificates.k8s.io/v1/certificatesigningrequests/{name}/approval"
        return self._request(f"approve CertificateSigningRequest {name}", "put", path, body=csr)

    def create(
        self, api_version: str, kind: str, body: dict[str, t.Any], namespace: str | None = None
    ) -> dict[str, t.Any]:
        path = self._resource(api_version, kind).path(namespace=namespace)
        body = {"apiVersion": api_version, "kind": kind, **body}
        return self._request(f"create {kind}", "post", path, body=body)

    def patch(
        self,
        api_version: str,
        kind: str,
        name: str,
        body: dict[str, t.Any],
        namespace: str | None = None,
        *,
        content_type: str = "application/merge-patch+json",
    ) -> dict[str, t.Any]:
        path = self._resource(api_version, kind).path(name=name, namespace=namespace)
        return self._request(f"patch {kind} {name}", "patch", path, body=body, content_type=content_type)

    def delete(self, api_version: str, kind: str, name: str, namespace: str | None = None) -> None:
        """Delete the object; one that is not there is no error."""
        path = self._resource(api_version, kind).path(name=name, namespace=namespace)
        try:
            self._request(f"delete {kind} {name}", "delete", path)
        except NotFound:
            return

    def account_token(self, namespace: str, name: str, seconds: int) -> tuple[str, str]:
        """A token of a ServiceAccount that lives this long, and when the API says that it ends."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
        body = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": seconds},
        }
        status = self._request(f"get a token of the account {namespace}/{name}", "post", path, body=body)["status"]
        return str(status["token"]), str(status["expirationTimestamp"])

    def with_token(self, token: str) -> Cluster:
        """The same cluster as somebody else: nothing of this account's credentials goes with it."""
        own = self._api_client.configuration
        configuration = kubernetes.client.Configuration(host=own.host, api_key={"authorization": f"Bearer {token}"})
        for name in _TRANSPORT_SETTINGS:
            setattr(configuration, name, getattr(own, name))
        return Cluster(kubernetes.client.ApiClient(configuration))

    def allowed(
        self,
        verb: str,
        resource: str,
        *,
        group: str = "",
        subresource: str = "",
        namespace: str = "",
        name: str = "",
    ) -> bool:
        """Whether this account has a right, by SelfSubjectAccessReview."""
        attributes = {
            "verb": verb,
            "group": group,
            "resource": resource,
            "subresource": subresource,
            "namespace": namespace,
            "name": name,
        }
        review = self.create(
            "authorization.k8s.io/v1",
            "SelfSubjectAccessReview",
            {"spec": {"resourceAttributes": {key: value for key, value in attributes.items() if value}}},
        )
        return bool(review["status"].get("allowed"))

    def exec(self, namespace: str, pod: str, container: str, command: t.Sequence[str]) -> str:
        """What a command prints in a container."""
        core = kubernetes.client.CoreV1Api(self._api_client)

        def run() -> str:
            stream = kubernetes.stream.stream(
                core.connect_get_namespaced_pod_exec,
                pod,
                namespace,
                container=container,
                command=[*command],
                stderr=False,
                stdin=False,
                stdout=True,
                tty=False,
                # Older clients would return printed JSON as the text of a Python object.
                _preload_content=False,
            )
            try:
                stream.run_forever(timeout=READ_SECONDS)
                return stream.read_stdout(timeout=0)
            finally:
                stream.close()

        return self._ask(f"run {command[0]} in pod {namespace}/{pod}", run)

    def identity(self) -> dict[str, str]:
        """What tells this cluster from any other: infrastructure name and UID of the namespace kube-system."""
        infrastructure = self.get("config.openshift.io/v1", "Infrastructure", "cluster")
        namespace = self.get("v1", "Namespace", "kube-system")
        name = ((infrastructure or {}).get("status") or {}).get("infrastructureName")
        if not name or namespace is None:
            missing = "namespace kube-system" if name else "Infrastructure cluster with an infrastructureName"
            raise OperationError(
                f"The API at {self.server} has no {missing}.", "Is this the OpenShift cluster that you mean?"
            )
        return {"name": str(name), "uid": str(namespace["metadata"]["uid"])}


def _text(body: t.Any) -> str:
    return body.decode("utf-8", "replace") if isinstance(body, bytes) else str(body or "")


def _lines(response: t.Any) -> t.Iterator[bytes]:
    """Lines of a streamed answer, each as soon as it is complete."""
    rest = b""
    for chunk in response.stream(amt=None, decode_content=False):
        *lines, rest = (rest + chunk).split(b"\n")
        yield from (line for line in lines if line)
    if rest:
        yield rest


def connect(params: t.Mapping[str, t.Any], *, patient: bool = True) -> Cluster:
    """Connect with the options of :data:`AUTH_ARGUMENT_SPEC` and kubernetes.core's ``K8S_AUTH_*`` fall-backs.

    ``patient`` leaves a few repetitions, and waiting for ``Retry-After``, to the HTTP client; a loop with deadlines of
    its own wants neither.

    :raises OperationError: a package is missing, verification is off, no cluster is configured or it cannot be reached
    """
    refuse_unverified(params, os.environ)
    if MISSING:
        raise OperationError(f"A requirement of multiarch.openshift is missing: {MISSING}")
    given = {name: params[name] for name in AUTH_ARGUMENT_SPEC if params.get(name) is not None}
    try:
        api_client = get_api_client(**given).client.client
    except CoreException as exc:
        raise OperationError(
            f"No cluster is configured: {exc}.", "Set K8S_AUTH_KUBECONFIG, or K8S_AUTH_HOST with K8S_AUTH_API_KEY."
        ) from None
    except ApiException as exc:
        raise api_error(exc.status or 0, "Could not connect to the cluster", _text(exc.body)) from None
    except (urllib3.exceptions.HTTPError, OSError) as exc:
        host = params.get("host") or os.environ.get("K8S_AUTH_HOST") or "of the kubeconfig"
        raise Unavailable(
            f"The API {host} cannot be reached: {getattr(exc, 'reason', None) or exc}.",
            "Check the address, the route and the CA (K8S_AUTH_* or kubeconfig).",
        ) from None
    if not api_client.configuration.verify_ssl:
        raise OperationError("TLS verification is switched off.", TLS_HINT)
    if not patient:
        api_client.configuration.retries = urllib3.Retry(0, respect_retry_after_header=False)
    # The default is five per core; what does not fit makes a TLS connection for each request.
    api_client.configuration.connection_pool_maxsize = CONNECTIONS
    api_client.rest_client = kubernetes.client.rest.RESTClientObject(api_client.configuration)
    return Cluster(api_client)


def check_cluster(machines: t.Sequence[t.Mapping[str, t.Any]], identity: t.Mapping[str, str]) -> None:
    """Stop a step that looks at another cluster than the one that the run began with.

    :raises OperationError: a record was made on another cluster
    """
    for machine in machines:
        seen = machine.get("cluster")
        if seen and dict(seen) != dict(identity):
            raise OperationError(
                f"The run began on cluster {seen['name']} ({seen['uid']}), this step sees {identity['name']}"
                f" ({identity['uid']}).",
                "Give every step the same K8S_AUTH_* settings.",
            )


__all__ = (
    "AUTH_ARGUMENT_SPEC",
    "ApiError",
    "Cluster",
    "Conflict",
    "Forbidden",
    "Gone",
    "NotFound",
    "TooManyRequests",
    "Unauthorized",
    "Unavailable",
    "UnknownApi",
    "Unprocessable",
    "check_cluster",
    "connect",
    "refuse_unverified",
)
