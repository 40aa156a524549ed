"""Signed CDN URLs in the three parameter sets the Hub has been seen to use.

The Hub signs (resolve.py, lfs.py), the CDN checks (cdn.py). A URL is signed anew on each
call and never twice the same, as CloudFront policies of the real Hub differ per call.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import count
from urllib.parse import parse_qsl, urlencode

from tests.standin.content import Content
from tests.standin.model import Repo

KEY_PAIR_ID = "K2L8F4GPSG1IFC"


class Signer:
    """Signs and checks URLs with a key of its own."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._serial = count()

    def url(
        self,
        base: str,
        repo: Repo,
        content: Content,
        *,
        form: str,
        filename: str,
        user: str,
        lifetime_s: float,
    ) -> str:
        """A URL that lets its holder GET `content` for `lifetime_s` seconds."""
        now = time.time()
        expires = now + lifetime_s
        path = object_path(repo, content, form)
        disposition = f"inline; filename*=UTF-8''{filename}; filename=\"{filename}\";"
        query: dict[str, str] = {}
        if form == "amz":
            query |= _amz(now, lifetime_s, user)
        query["response-content-disposition"] = disposition
        if form == "gcp":
            query["X-Xet-Cas-Uid"] = user
        query["response-content-type"] = "application/octet-stream"
        if form == "gcp":
            query["user_id"] = user
        if form == "amz":
            query["x-id"] = "GetObject"
        return f"{base}{path}?{urlencode(self.sign(path, query, expires))}"

    def sign(self, path: str, query: Mapping[str, str], expires: float) -> dict[str, str]:
        """Add Expires, Policy, Signature and Key-Pair-Id to `query`."""
        statement = {
            "Resource": f"{path}*",
            "Condition": {"DateLessThan": {"AWS:EpochTime": int(expires)}},
            "Serial": next(self._serial),
        }
        signed = dict(query)
        signed["Expires"] = f"{expires:.3f}" if expires % 1 else str(int(expires))
        signed["Policy"] = base64.urlsafe_b64encode(json.dumps(statement).encode()).decode()
        signed["Signature"] = self._mac(path, signed)
        signed["Key-Pair-Id"] = KEY_PAIR_ID
        return signed

    def refusal(self, path: str, raw_query: str) -> str | None:
        """Why the signature does not open `path`, or None when it does."""
        query = dict(parse_qsl(raw_query, keep_blank_values=True))
        given = query.pop("Signature", None)
        query.pop("Key-Pair-Id", None)
        if given is None or "Expires" not in query:
            return "MissingKey"
        if not hmac.compare_digest(given.encode(), self._mac(path, query).encode()):
            return "AccessDenied: signature does not match"
        if float(query["Expires"]) <= time.time():
            return "AccessDenied: request has expired"
        return None

    def _mac(self, path: str, query: Mapping[str, str]) -> str:
        text = path + "\n" + "\n".join(f"{name}={query[name]}" for name in sorted(query))
        digest = hmac.new(self._key, text.encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).decode()


def object_path(repo: Repo, content: Content, form: str) -> str:
    """Where the CDN keeps the object: the cdn-lfs or the xet-bridge layout."""
    if form == "cloudfront":
        where = hashlib.sha256(f"{repo.type}/{repo.id}".encode()).hexdigest()
        return f"/repos/{where[:2]}/{where[2:4]}/{where}/{content.sha256}"
    return f"/xet-bridge-us/{repo.hex_id}/{content.xet_hash}"


def _amz(now: float, lifetime_s: float, user: str) -> dict[str, str]:
    moment = datetime.fromtimestamp(now, UTC)
    return {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Content-Sha256": "UNSIGNED-PAYLOAD",
        "X-Amz-Credential": f"cas/{moment:%Y%m%d}/us-east-1/s3/aws4_request",
        "X-Amz-Date": f"{moment:%Y%m%dT%H%M%SZ}",
        "X-Amz-Expires": str(int(lifetime_s)),
        "X-Amz-Signature": hashlib.sha256(f"{now}{user}".encode()).hexdigest(),
        "X-Amz-SignedHeaders": "host",
        "X-Xet-Cas-Uid": user,
    }
