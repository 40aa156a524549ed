"""The CDN's listener: objects behind signed URLs, and plain files for any other client.

It refuses, and counts, requests that carry Authorization: the Hub's token has no business
here, and a proxy that sends it on leaks it. `/plain/{name}` is an ordinary web server.
"""

from __future__ import annotations

from urllib.parse import unquote

from tests.standin.cas import transfer_route
from tests.standin.content import Content
from tests.standin.exchange import Exchange, Listener, Route
from tests.standin.reply import RefusedError, Reply, xml_error
from tests.standin.upload import put_object

LAST_MODIFIED = "Fri, 02 Jan 2026 03:04:05 GMT"


class Cdn(Listener):
    """Routes of the CDN hosts."""

    def route(self, exchange: Exchange) -> Route:
        """Find the object by the last part of the path."""
        path = exchange.path
        if path.startswith("/plain/"):
            return self._plain_route(unquote(path.removeprefix("/plain/")))
        if path.startswith("/uploads/"):
            return self._upload_route(path.rpartition("/")[2])
        if path.startswith("/xorbs/default/"):
            exchange.record.kind = "transfer"
            return transfer_route(self.standin, path.rpartition("/")[2])
        query = exchange.request.query
        user_id = query.get("user_id") or query.get("X-Xet-Cas-Uid") or ""
        exchange.record.user = self.state.user_by_id(user_id)
        exchange.record.kind = "cdn"
        content = None
        if path.startswith(("/repos/", "/xet-bridge-us/")):
            content = self.state.content_by_hash(path.rpartition("/")[2])
        if content is None:
            raise RefusedError(xml_error(403, "AccessDenied", "Access Denied"))
        names = (content.sha256, *self.state.names_of(content))

        async def serve(exchange: Exchange) -> Reply:
            return self._object(exchange, content)

        return Route("cdn", serve, names)

    def fault_reply(self, status: int, headers: dict[str, str]) -> Reply:
        """The CDN speaks XML."""
        reply = xml_error(status, "AccessDenied" if status == 403 else "SlowDown", "Fault")
        reply.headers.update(headers)
        return reply

    def _object(self, exchange: Exchange, content: Content) -> Reply:
        request = exchange.request
        if "Authorization" in request.headers:
            self.standin.counters.cdn_authorization += 1
            return xml_error(400, "InvalidArgument", "Only one auth mechanism allowed")
        if request.method not in ("GET", "HEAD"):
            return xml_error(405, "MethodNotAllowed", "The method is not allowed")
        refusal = self.standin.signer.refusal(exchange.path, request.rel_url.raw_query_string)
        if refusal is not None:
            return xml_error(403, *refusal.partition(": ")[::2])
        bridge = exchange.path.startswith("/xet-bridge-us/")
        tag = content.xet_hash if bridge else content.sha256[:32]
        headers = {
            "ETag": f'"{tag}"',
            "Last-Modified": LAST_MODIFIED,
            "Content-Type": request.query.get("response-content-type", "binary/octet-stream"),
            "Cache-Control": "public, max-age=604800, immutable",
        }
        if disposition := request.query.get("response-content-disposition"):
            headers["Content-Disposition"] = disposition
        return Reply(200, headers, content, ranged=True)

    def _upload_route(self, oid: str) -> Route:
        async def serve(exchange: Exchange) -> Reply:
            return await put_object(exchange, self.state, oid)

        return Route("upload", serve, (oid,))

    def _plain_route(self, name: str) -> Route:
        content = self.state.plain.get(name)

        async def serve(_exchange: Exchange) -> Reply:
            if content is None:
                return xml_error(404, "NoSuchKey", "The specified key does not exist.")
            headers = {
                "ETag": f'"{content.sha256[:32]}"',
                "Last-Modified": LAST_MODIFIED,
                "Content-Type": "application/octet-stream",
            }
            return Reply(200, headers, content, ranged=True, gzip=False)

        return Route("plain", serve, (f"plain/{name}",))
