"""Signing in, sessions, cookies and their protection, passwords, tokens."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.component.manager.bed import (
    ROOT_PASSWORD,
    Bed,
    Client,
    config_of,
    fresh_database,
    managed,
)

SIGN_IN = "/api/v1/users/signin"
ROOT = {"name": "root", "password": ROOT_PASSWORD}


def _soon(days: int = 1) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).isoformat()


async def _cookie(bed: Bed) -> tuple[dict[str, str], str]:
    """The header of a browser that signed in, and what its pages send along."""
    answer = await bed.anybody.ask("POST", SIGN_IN, ROOT)
    session, csrf = answer.cookies["meganeura_session"], answer.cookies["meganeura_csrf"]
    return {"Cookie": f"meganeura_session={session}"}, csrf


async def _user(bed: Bed, name: str, *roles: str) -> Client:
    root = await bed.root()
    wish = {"name": name, "password": "a long password", "roles": list(roles) or ["guest"]}
    await root.done("POST", "/api/v1/users", wish)
    return await bed.anybody.signed_in(name, "a long password")


async def test_a_first_start_shows_a_random_password_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = config_of(
        tmp_path, fresh_database("sqlite", tmp_path), auth={"rootPasswordFile": None}
    )
    async with managed(config) as bed:
        shown = capsys.readouterr().err
        password = shown.split("password")[1].split()[0]
        assert len(password) == 24
        await bed.anybody.signed_in("root", password)
    async with managed(config) as bed:
        assert "password" not in capsys.readouterr().err
        await bed.anybody.signed_in("root", password)


async def test_wrong_names_and_wrong_passwords_look_alike(bed: Bed) -> None:
    first = await bed.anybody.ask("POST", SIGN_IN, {**ROOT, "password": "wrong wrong"})
    second = await bed.anybody.ask("POST", SIGN_IN, {**ROOT, "name": "nobody"})
    assert first.status == second.status == 401
    assert first.body == second.body


async def test_guessing_is_slowed_down_and_told_how_long(bed: Bed) -> None:
    wrong = {**ROOT, "password": "wrong wrong"}
    answers = [await bed.anybody.ask("POST", SIGN_IN, wrong) for _ in range(6)]
    assert [answer.status for answer in answers] == [401] * 5 + [429]
    assert int(answers[-1].headers["Retry-After"]) >= 1
    assert (await bed.anybody.ask("POST", SIGN_IN, ROOT)).status == 429


async def test_a_cookie_is_out_of_reach_of_scripts_and_of_other_sites(bed: Bed) -> None:
    answer = await bed.anybody.ask("POST", SIGN_IN, ROOT)
    lines = answer.headers.getall("Set-Cookie")
    session = next(line for line in lines if line.startswith("meganeura_session="))
    assert "HttpOnly" in session
    assert "SameSite=Lax" in session
    assert "Secure" not in session, "plain HTTP here"


async def test_a_change_by_cookie_needs_what_only_our_pages_know(bed: Bed) -> None:
    cookie, csrf = await _cookie(bed)
    wish = {"name": "other"}
    ask = bed.anybody.ask
    assert (await ask("GET", "/api/v1/clusters", None, cookie)).status == 200
    assert (await ask("POST", "/api/v1/clusters", wish, cookie)).status == 403
    forged = {**cookie, "X-CSRF-Token": "0" * 64}
    assert (await ask("POST", "/api/v1/clusters", wish, forged)).status == 403
    ours = {**cookie, "X-CSRF-Token": csrf}
    foreign = {**ours, "Origin": "https://evil.example"}
    assert (await ask("POST", "/api/v1/clusters", wish, foreign)).status == 403
    assert (await ask("POST", "/api/v1/clusters", wish, ours)).status == 200


async def test_a_page_of_another_site_signs_nobody_in(bed: Bed) -> None:
    answer = await bed.anybody.ask("POST", SIGN_IN, ROOT, {"Origin": "https://evil.example"})
    assert answer.status == 403


async def test_signing_out_ends_the_session(bed: Bed) -> None:
    root = await bed.root()
    await root.done("POST", "/api/v1/users/signout")
    assert (await root.ask("GET", "/api/v1/clusters")).status == 401


async def test_a_session_ends_after_its_time(tmp_path: Path) -> None:
    url = fresh_database("sqlite", tmp_path)
    async with managed(config_of(tmp_path, url, auth={"session": "0s"})) as bed:
        root = await bed.root()
        assert (await root.ask("GET", "/api/v1/clusters")).status == 401


async def test_sign_up_is_off_unless_configured(tmp_path: Path, bed: Bed) -> None:
    wish = {"name": "somebody", "password": "a long password"}
    assert (await bed.anybody.ask("POST", "/api/v1/users/signup", wish)).status == 403
    url = fresh_database("sqlite", tmp_path)
    async with managed(config_of(tmp_path, url, auth={"signUp": True})) as other:
        await other.anybody.done("POST", "/api/v1/users/signup", wish)
        guest = await other.anybody.signed_in("somebody", "a long password")
        assert (await guest.done("GET", "/api/v1/users/me"))["roles"] == ["guest"]


async def test_a_new_password_ends_the_other_sessions(bed: Bed) -> None:
    one = await _user(bed, "somebody")
    other = await bed.anybody.signed_in("somebody", "a long password")
    me = (await one.done("GET", "/api/v1/users/me"))["id"]
    path = f"/api/v1/users/{me}/reset_password"
    wrong = {"old_password": "not the one", "new_password": "another password"}
    assert (await one.ask("POST", path, wrong)).status == 401
    await one.done("POST", path, {**wrong, "old_password": "a long password"})
    assert (await one.ask("GET", "/api/v1/users/me")).status == 200
    assert (await other.ask("GET", "/api/v1/users/me")).status == 401
    await bed.anybody.signed_in("somebody", "another password")


async def test_nobody_changes_other_users_but_root(bed: Bed) -> None:
    guest = await _user(bed, "guest-1")
    for path in ("/api/v1/users/1", "/api/v1/users/1/reset_password"):
        method = "PATCH" if path.endswith("1") else "POST"
        body = {"email": "x", "new_password": "a new password"}
        assert (await guest.ask(method, path, body)).status == 403


async def test_a_disabled_user_is_out_at_once(bed: Bed) -> None:
    guest, root = await _user(bed, "guest-1"), await bed.root()
    me = (await guest.done("GET", "/api/v1/users/me"))["id"]
    await root.done("PATCH", f"/api/v1/users/{me}", {"state": "disable"})
    assert (await guest.ask("GET", "/api/v1/users/me")).status == 401
    answer = await bed.anybody.ask(
        "POST", SIGN_IN, {"name": "guest-1", "password": "a long password"}
    )
    assert answer.status == 403


async def test_the_last_root_stays(bed: Bed) -> None:
    root = await bed.root()
    for method, path, body in (
        ("PATCH", "/api/v1/users/1", {"state": "disable"}),
        ("DELETE", "/api/v1/users/1", None),
        ("DELETE", "/api/v1/users/1/roles/root", None),
    ):
        assert (await root.ask(method, path, body)).status == 409


async def test_a_token_does_what_its_scopes_allow_until_it_ends(bed: Bed) -> None:
    root = await bed.root()
    tokens = "/api/v1/personal-access-tokens"
    wish = {"name": "script", "scopes": ["cluster"], "expired_at": _soon()}
    made = await root.done("POST", tokens, wish)
    script = Client(bed.anybody.session, bed.anybody.base, made["token"])
    assert (await script.ask("GET", "/oapi/v1/clusters")).status == 200
    assert (await script.ask("GET", "/api/v1/clusters")).status == 200
    assert (await script.ask("GET", "/api/v1/users")).status == 403
    assert "token" not in await root.done("GET", f"{tokens}/{made['id']}")
    by_query = await bed.anybody.ask("GET", f"/oapi/v1/clusters?access_token={made['token']}")
    assert by_query.status == 200, "as Dragonfly's scripts send it"
    await root.done("PATCH", f"{tokens}/{made['id']}", {"state": "inactive"})
    assert (await script.ask("GET", "/oapi/v1/clusters")).status == 401


async def test_a_token_must_end_and_have_known_scopes(bed: Bed) -> None:
    root = await bed.root()
    wish = {"name": "script", "scopes": ["cluster"], "expired_at": _soon()}
    for change in (
        {"expired_at": _soon(4000)},
        {"expired_at": _soon(-1)},
        {"scopes": []},
        {"scopes": ["everything"]},
    ):
        answer = await root.ask("POST", "/api/v1/personal-access-tokens", {**wish, **change})
        assert answer.status == 422, (change, answer.body)


async def test_a_token_makes_none_that_may_more(bed: Bed) -> None:
    root = await bed.root()
    tokens = "/api/v1/personal-access-tokens"
    wish = {"name": "maker", "scopes": ["personal-access-tokens"], "expired_at": _soon()}
    made = await root.done("POST", tokens, wish)
    maker = Client(bed.anybody.session, bed.anybody.base, made["token"])
    more = {"name": "more", "scopes": ["users"], "expired_at": _soon()}
    assert (await maker.ask("POST", tokens, more)).status == 403


async def test_nobody_gives_a_role_that_may_more(bed: Bed) -> None:
    root = await bed.root()
    wish = {"role": "people", "permissions": [{"object": "users", "action": "*"}]}
    await root.done("POST", "/api/v1/roles", wish)
    clerk = await _user(bed, "clerk", "guest", "people")
    me = (await clerk.done("GET", "/api/v1/users/me"))["id"]
    assert (await clerk.ask("PUT", f"/api/v1/users/{me}/roles/root")).status == 403
    boss = {"name": "boss", "password": "a long password", "roles": ["root"]}
    assert (await clerk.ask("POST", "/api/v1/users", boss)).status == 403
    await clerk.done("POST", "/api/v1/users", {**boss, "roles": ["guest"]})


async def test_every_change_is_written_down_without_secrets(bed: Bed) -> None:
    root = await bed.root()
    guest = await _user(bed, "guest-1")
    await root.done("POST", "/api/v1/clusters", {"name": "two"})
    await guest.ask("POST", "/api/v1/clusters", {"name": "three"})
    entries = await root.done("GET", "/api/v1/audits?per_page=100")
    told = [(e["actor_name"], e["operation"], e["path"], e["state"]) for e in entries]
    assert ("root", "POST", "/api/v1/clusters", "SUCCESS") in told
    assert ("guest-1", "POST", "/api/v1/clusters", "FAILURE") in told
    assert "a long password" not in str(entries)
    assert ROOT_PASSWORD not in str(entries)
    assert not any(operation == "GET" for _, operation, _, _ in told)


async def test_custom_roles_may_what_they_say(bed: Bed) -> None:
    root = await bed.root()
    wish = {"role": "auditor", "permissions": [{"object": "audits", "action": "read"}]}
    await root.done("POST", "/api/v1/roles", wish)
    auditor = await _user(bed, "auditor-1", "auditor")
    assert (await auditor.ask("GET", "/api/v1/audits")).status == 200
    assert (await auditor.ask("GET", "/api/v1/clusters")).status == 403
    assert (await root.ask("DELETE", "/api/v1/roles/auditor")).status == 409
