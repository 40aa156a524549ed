"""The Xet CAS: reconstructions of files, and the xorbs they are made of.

The Cas listener answers /reconstructions/ in all versions; the xorbs ("transfer") lie on the
CDN's host, whose listener calls `transfer_route`. Protocol: facts, section 3.1.
"""

from __future__ import annotations

import re
import secrets
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode

from tests.standin import ranges
from tests.standin.content import Content
from tests.standin.exchange import Exchange, Listener, Route
from tests.standin.reply import RefusedError, Reply, json_reply, text_reply, xml_error
from tests.standin.xorb import Term, Xorb, terms_of, xorbs_of

if TYPE_CHECKING:
    from tests.standin.standin import StandIn

_RECONSTRUCTION = re.compile(r"/(?:(v1|v2)/)?reconstructions/([0-9a-f]{64})")


class XetTokens:
    """Short-lived CAS tokens that the Hub hands out."""

    def __init__(self) -> None:
        self._expiry: dict[str, float] = {}

    def issue(self, lifetime_s: float) -> tuple[str, int]:
        """A new token and the time (epoch, seconds) it ends."""
        token = f"xet_{secrets.token_hex(16)}"
        expires = int(time.time() + lifetime_s)
        self._expiry[token] = expires
        return token, expires

    def valid(self, authorization: str) -> bool:
        """Whether the header holds a token that has not ended."""
        return self._expiry.get(authorization.removeprefix("Bearer "), 0) > time.time()


class Cas(Listener):
    """Routes of cas-server.xethub.hf.co."""

    def route(self, exchange: Exchange) -> Route:
        """Find the file by its Xet hash."""
        exchange.record.kind = "cas"
        match = _RECONSTRUCTION.fullmatch(exchange.path)
        content = self.state.content_by_hash(match[2]) if match else None
        if match is None or content is None:
            raise RefusedError(text_reply("not found", 404))
        names = (content.sha256, *self.state.names_of(content))
        version = match[1] or ""

        async def serve(exchange: Exchange) -> Reply:
            return self._reconstruct(exchange, version, content)

        return Route("cas", serve, names)

    def _reconstruct(self, exchange: Exchange, version: str, content: Content) -> Reply:
        if version not in self.settings.cas_versions:
            return text_reply("not found", 404)
        headers = exchange.request.headers
        if not self.standin.xet_tokens.valid(headers.get("Authorization", "")):
            return text_reply("unauthorized", 401)
        try:
            spans = ranges.parse(headers.get("Range"), content.size)
        except ranges.UnsatisfiableError:
            return text_reply("range not satisfiable", 416)
        start, end = spans[0] if spans else (0, content.size)
        terms, offset = terms_of(content, start, end)
        listed = [
            {
                "hash": term.xorb.hash,
                "unpacked_length": term.length,
                "range": {"start": term.first, "end": term.last},
            }
            for term in terms
        ]
        answer: dict[str, Any] = {"offset_into_first_range": offset, "terms": listed}
        sources = {term.xorb.hash: [self._source(version, term)] for term in terms}
        answer["xorbs" if version == "v2" else "fetch_info"] = sources
        return json_reply(answer)

    def _source(self, version: str, term: Term) -> dict[str, Any]:
        first, last = term.serialised
        chunks = {"start": term.first, "end": term.last}
        span = {"start": first, "end": last}
        path = f"/xorbs/default/{term.xorb.hash}"
        query = {"X-Xet-Signed-Range": f"bytes={first}-{last}"}
        expires = time.time() + self.settings.signature_lifetime_s
        signed = self.standin.signer.sign(path, query, expires)
        url = f"{self.standin.cdn_base}{path}?{urlencode(signed)}"
        if version == "v2":
            return {"url": url, "ranges": [{"chunks": chunks, "bytes": span}]}
        return {"range": chunks, "url": url, "url_range": span}


def transfer_route(standin: StandIn, xorb_hash: str) -> Route:
    """`/xorbs/default/{hash}` on the CDN: a Range inside the signed one, else 403."""
    found = _find(standin, xorb_hash)
    if found is None:
        raise RefusedError(xml_error(403, "AccessDenied", "Access Denied"))
    file, xorb = found

    async def serve(exchange: Exchange) -> Reply:
        request = exchange.request
        query = request.rel_url.raw_query_string
        allowed = parse_qs(query).get("X-Xet-Signed-Range", [""])[0]
        refusal = standin.signer.refusal(exchange.path, query)
        if refusal is None and not _inside(request.headers.get("Range"), allowed, xorb.size):
            refusal = "AccessDenied: range is not signed"
        if refusal is not None:
            return xml_error(403, *refusal.partition(": ")[::2])
        return Reply(200, {"Content-Type": "application/octet-stream"}, xorb, ranged=True)

    return Route("transfer", serve, (file.sha256, *standin.state.names_of(file)))


def _find(standin: StandIn, xorb_hash: str) -> tuple[Content, Xorb] | None:
    for file in standin.state.lfs_contents():
        for xorb in xorbs_of(file):
            if xorb.hash == xorb_hash:
                return file, xorb
    return None


def _inside(asked: str | None, allowed: str, size: int) -> bool:
    try:
        inner, outer = ranges.parse(asked, size), ranges.parse(allowed, size)
    except ranges.UnsatisfiableError:
        return False
    if inner is None or outer is None:
        return False
    return all(any(a <= start and end <= b for a, b in outer) for start, end in inner)
