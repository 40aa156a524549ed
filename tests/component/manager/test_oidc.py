"""Sign-in at a provider of OpenID Connect, with a provider that is real but for its people."""

from __future__ import annotations

import hashlib
import time
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import web
from joserfc import jwt
from joserfc.jwk import RSAKey

from tests.component.manager.bed import Answer, Bed, config_of, fresh_database, managed


@dataclass
class Idp:
    """A provider: says of everybody that they are who ``claims`` says."""

    claims: dict[str, Any]
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "1"}))
    signed_by: RSAKey | None = None
    base: str = ""
    asked: dict[str, str] = field(default_factory=dict)

    async def discovery(self, _: web.Request) -> web.Response:
        ends = {
            "authorization_endpoint": "/authorize",
            "token_endpoint": "/token",
            "jwks_uri": "/keys",
        }
        known = {name: self.base + path for name, path in ends.items()}
        return web.json_response({"issuer": self.base, **known})

    async def keys(self, _: web.Request) -> web.Response:
        return web.json_response({"keys": [self.key.as_dict(private=False)]})

    async def token(self, request: web.Request) -> web.Response:
        form = await request.post()
        challenge = urlsafe_b64encode(
            hashlib.sha256(str(form["code_verifier"]).encode()).digest()
        ).rstrip(b"=")
        if form["code"] != "the-code" or challenge.decode() != self.asked["code_challenge"]:
            return web.json_response({"error": "invalid_grant"}, status=400)
        now = int(time.time())
        claims = {
            "iss": self.base,
            "aud": "meganeura",
            "exp": now + 60,
            "iat": now,
            "nonce": self.asked["nonce"],
            **self.claims,
        }
        id_token = jwt.encode({"alg": "RS256", "kid": "1"}, claims, self.signed_by or self.key)
        return web.json_response(
            {"access_token": "x", "token_type": "Bearer", "id_token": id_token}
        )


@asynccontextmanager
async def served(idp: Idp) -> AsyncIterator[None]:
    """The provider at a port of its own."""
    app = web.Application()
    app.router.add_get("/.well-known/openid-configuration", idp.discovery)
    app.router.add_get("/keys", idp.keys)
    app.router.add_post("/token", idp.token)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    idp.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield
    finally:
        await runner.cleanup()


@pytest.fixture
async def idp() -> AsyncIterator[Idp]:
    made = Idp({"sub": "u-1", "preferred_username": "ada", "groups": ["ml", "others"]})
    async with served(made):
        yield made


@pytest.fixture
async def joined(idp: Idp, tmp_path: Path) -> AsyncIterator[Bed]:
    secret = tmp_path / "secret"
    secret.write_text("s")
    provider = {
        "name": "company",
        "issuer": idp.base,
        "clientID": "meganeura",
        "clientSecretFile": str(secret),
        "roles": {"ml": "member", "platform": "operator"},
    }
    url = fresh_database("sqlite", tmp_path)
    async with managed(config_of(tmp_path, url, auth={"oidc": [provider]})) as bed:
        yield bed


async def _sign_in(bed: Bed, idp: Idp, *, code: str = "the-code", state: str = "") -> Answer:
    """What a browser does: there, and back with a code."""
    there = await bed.anybody.ask("GET", "/api/v1/users/signin/company")
    assert there.status == 302
    asked = {k: v[0] for k, v in parse_qs(urlsplit(there.headers["Location"]).query).items()}
    idp.asked = asked
    cookie = {"Cookie": f"meganeura_oidc={there.cookies['meganeura_oidc']}"}
    path = f"/api/v1/users/signin/company/callback?code={code}&state={state or asked['state']}"
    return await bed.anybody.ask("GET", path, None, cookie)


async def _me(bed: Bed, answer: Answer) -> Any:
    cookie = {"Cookie": f"meganeura_session={answer.cookies['meganeura_session']}"}
    return (await bed.anybody.ask("GET", "/api/v1/users/me", None, cookie)).body


async def test_who_the_provider_names_is_signed_in_with_the_roles_of_their_groups(
    joined: Bed, idp: Idp
) -> None:
    answer = await _sign_in(joined, idp)
    assert (answer.status, answer.headers["Location"]) == (302, "/")
    me = await _me(joined, answer)
    assert (me["name"], me["roles"]) == ("ada", ["member"])
    idp.claims |= {"groups": ["platform"], "preferred_username": "ada.l"}
    again = await _me(joined, await _sign_in(joined, idp))
    assert (again["id"], again["roles"]) == (me["id"], ["operator"])


async def test_a_local_user_is_not_taken_over_by_its_name(joined: Bed, idp: Idp) -> None:
    idp.claims["preferred_username"] = "root"
    me = await _me(joined, await _sign_in(joined, idp))
    assert (me["name"], me["roles"]) == ("root@company", ["member"])


async def test_a_sign_in_that_was_not_begun_here_is_refused(joined: Bed, idp: Idp) -> None:
    assert (await _sign_in(joined, idp, state="another")).status == 401
    path = "/api/v1/users/signin/company/callback?code=the-code&state=x"
    assert (await joined.anybody.ask("GET", path)).status == 401


async def test_a_browser_is_told_on_the_page_of_sign_in(joined: Bed) -> None:
    path = "/api/v1/users/signin/company/callback?code=the-code&state=x"
    answer = await joined.anybody.ask("GET", path, None, {"Accept": "text/html,*/*"})
    assert (answer.status, answer.headers["Location"]) == (303, "/signin")
    told = {"Cookie": f"meganeura_problem={answer.cookies['meganeura_problem']}"}
    page = await joined.anybody.ask("GET", "/signin", None, told)
    assert b"this sign-in was not begun here" in page.body
    assert page.cookies["meganeura_problem"] == ""
    assert b"call us" not in (await joined.anybody.ask("GET", "/signin?error=call+us")).body


@pytest.mark.parametrize(
    "wrong",
    [{"aud": "somebody-else"}, {"iss": "https://evil.example"}, {"nonce": "old"}, {"exp": 1}],
)
async def test_an_id_token_for_something_else_is_refused(
    joined: Bed, idp: Idp, wrong: dict[str, Any]
) -> None:
    idp.claims |= wrong
    assert (await _sign_in(joined, idp)).status == 401


async def test_a_token_that_the_provider_did_not_sign_is_refused(joined: Bed, idp: Idp) -> None:
    idp.signed_by = RSAKey.generate_key(2048, {"kid": "1"})
    assert (await _sign_in(joined, idp)).status == 401


async def test_a_wrong_code_is_refused(joined: Bed, idp: Idp) -> None:
    assert (await _sign_in(joined, idp, code="guessed")).status == 401


async def test_providers_are_listed_for_the_page_of_sign_in(joined: Bed) -> None:
    (listed,) = await joined.anybody.done("GET", "/api/v1/users/providers")
    assert listed["url"] == "/api/v1/users/signin/company"
