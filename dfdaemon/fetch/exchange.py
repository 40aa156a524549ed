"""One request at the origin, redirects included, up to the head of the final answer. Blocking.

Runs in a thread of `OriginPool`; `shut` may come from the loop at any time. Targets of redirects are
remembered for a while, per URL and credentials, so that the runs of one blob do not ask the Hub for
a signature each.
"""

from __future__ import annotations

import http.client
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from dfcore.errors import BadInput, OriginBroken, OriginUnreachable
from dfcore.ranges import ByteRange
from dfdaemon.fetch import answers
from dfdaemon.fetch.answers import HeaderMap
from dfdaemon.fetch.wires import Wire, Wires

_MAX_ERROR_BODY = 1 << 20


@dataclass(frozen=True, slots=True)
class OriginRequest:
    """One GET (or HEAD) at the origin.

    ``validator`` and ``size_bytes``, where known, are what the answer must still say. ``headers``
    may hold credentials: they go to the host of ``url`` and are dropped when a redirect leaves it.
    A ``range`` whose end is `answers.OPEN_END` or more is asked for without an end.
    """

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    range: ByteRange | None = None
    method: str = "GET"
    validator: str | None = None
    size_bytes: int | None = None
    insecure_skip_verify: bool = False


@dataclass(slots=True)
class Answer:
    """The head of the final answer, and the connection on which its body follows.

    ``empty``: it is a refusal of the range 0-, because the blob has no bytes at all.
    """

    status: int
    headers: HeaderMap
    redirect_headers: HeaderMap
    url: str = field(repr=False)
    wire: Wire = field(repr=False)
    body: http.client.HTTPResponse = field(repr=False)
    empty: bool = False


@dataclass(frozen=True, slots=True)
class _Target:
    url: str = field(repr=False)
    first_headers: HeaderMap
    until: float


class Redirects:
    """Where URLs led to. Thread-safe, bounded, short-lived."""

    def __init__(self, ttl_s: float, limit: int = 1024) -> None:
        self._ttl_s = ttl_s
        self._limit = limit
        self._lock = threading.Lock()
        self._targets: OrderedDict[bytes, _Target] = OrderedDict()

    def get(self, request: OriginRequest) -> _Target | None:
        with self._lock:
            target = self._targets.get(request_key(request))
        return target if target is not None and target.until > time.monotonic() else None

    def put(self, request: OriginRequest, url: str, first_headers: HeaderMap) -> None:
        target = _Target(url, first_headers, time.monotonic() + self._ttl_s)
        with self._lock:
            self._targets[request_key(request)] = target
            self._targets.move_to_end(request_key(request))
            while len(self._targets) > self._limit:
                self._targets.popitem(last=False)

    def forget(self, request: OriginRequest) -> None:
        with self._lock:
            self._targets.pop(request_key(request), None)


def request_key(request: OriginRequest) -> bytes:
    """What is asked with whose credentials. Hashed, because it is made of credentials."""
    return sha256(repr((request.url, answers.credentials(request.headers))).encode()).digest()


class Exchange:
    """Carries out one `OriginRequest`. Use once."""

    def __init__(
        self, request: OriginRequest, wires: Wires, redirects: Redirects, max_redirects: int
    ) -> None:
        self.given_up = threading.Event()
        self._request = request
        self._wires = wires
        self._redirects = redirects
        self._max_redirects = max_redirects
        self._wire: Wire | None = None

    def shut(self) -> None:
        """Give up: whatever waits for the origin is woken."""
        self.given_up.set()
        if (wire := self._wire) is not None:
            wire.shut()

    def run(self) -> Answer:
        """Do it. The caller owns the answer's wire; after an error there is none."""
        remembered = self._redirects.get(self._request)
        if remembered is not None:
            answer = self._ask(remembered.url, remembered.first_headers)
            if not answers.signature_refused(answer.status):
                return self._judged(answer)
            self._discard(answer)
        answer = self._resolve()
        if answer.url != self._request.url and answers.signature_refused(answer.status):
            # Made a moment ago and refused all the same: let the origin sign another one, once.
            self._discard(answer)
            answer = self._resolve()
        return self._judged(answer)

    def _resolve(self) -> Answer:
        """Follow redirects from the URL itself."""
        url, first_headers = self._request.url, HeaderMap([])
        for _ in range(self._max_redirects + 1):
            answer = self._ask(url, first_headers)
            try:
                target = answers.redirect_target(url, answer.status, answer.headers)
            except OriginBroken:
                answer.wire.close()
                raise
            if target is None:
                if url != self._request.url and answer.status in (200, 206):
                    self._redirects.put(self._request, url, first_headers)
                return answer
            if not first_headers:
                first_headers = answer.headers
            self._finish(answer)
            url = target
        raise OriginBroken(f"the origin redirects more than {self._max_redirects} times")

    def _ask(self, url: str, first_headers: HeaderMap) -> Answer:
        """Send the request to one URL; a kept connection that has ended is replaced once."""
        parts = answers.split_url(url)
        while True:
            wire = self._wires.take(parts, verified=not self._request.insecure_skip_verify)
            self._wire = wire
            if self.given_up.is_set():
                # `shut` may have come while there was no connection to break off.
                wire.close()
                raise OriginBroken("the request was given up")
            try:
                body = self._exchange_heads(wire, url)
            except (http.client.RemoteDisconnected, ConnectionError) as error:
                wire.close()
                if not wire.reused or self.given_up.is_set():
                    raise OriginBroken(f"{wire.key.host} broke the connection off") from error
                continue
            except TimeoutError as error:
                wire.close()
                raise OriginUnreachable(f"{wire.key.host} does not answer") from error
            except (OSError, http.client.HTTPException) as error:
                wire.close()
                reason = type(error).__name__
                raise OriginBroken(f"{wire.key.host} answers nonsense: {reason}") from error
            headers = HeaderMap(body.getheaders())
            return Answer(body.status, headers, first_headers, url, wire, body)

    def _exchange_heads(self, wire: Wire, url: str) -> http.client.HTTPResponse:
        request = self._request
        headers = answers.request_headers(request.headers, request.range)
        parts = answers.split_url(url)
        if not answers.same_place(answers.split_url(request.url), parts):
            headers = answers.without_credentials(headers)
        if wire.proxy_authorization:
            headers["Proxy-Authorization"] = wire.proxy_authorization
        try:
            wire.http.putrequest(request.method, wire.target(parts), skip_accept_encoding=True)
            for name, value in headers.items():
                wire.http.putheader(name, value)
        except (ValueError, UnicodeError) as error:
            wire.close()
            raise BadInput("the URL or a header holds what HTTP cannot carry") from error
        wire.http.endheaders()
        return wire.http.getresponse()

    def _judged(self, answer: Answer) -> Answer:
        """The answer if its body can be used; otherwise what it stands for, as an error."""
        if self.given_up.is_set():
            answer.wire.close()
            raise OriginBroken("the request was given up")
        if answers.is_empty_blob(answer.status, answer.headers, self._request.range):
            answer.empty = True
            return answer
        body = b"" if answer.status in (200, 206) else self._read_error(answer)
        error = answers.failure(answer.status, answer.headers, body, time.time())
        if error is not None:
            answer.wire.close()
            raise error
        return answer

    def _read_error(self, answer: Answer) -> bytes:
        try:
            return answer.body.read(_MAX_ERROR_BODY)
        except (OSError, http.client.HTTPException):
            # The status says enough.
            return b""

    def _discard(self, answer: Answer) -> None:
        self._redirects.forget(self._request)
        answer.wire.close()

    def _finish(self, answer: Answer) -> None:
        """Read a redirect's small body, so that the connection can be used again."""
        try:
            answer.body.read(_MAX_ERROR_BODY)
        except (OSError, http.client.HTTPException):
            answer.wire.close()
            return
        if answer.body.isclosed() and not answer.body.will_close:
            self._wires.put(answer.wire)
        else:
            answer.wire.close()
