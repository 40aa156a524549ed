from __future__ import annotations

from dfcore.digest import Digest
from dfdaemon.hub.facts import FileFact, fact_from_answer, facts_from_entries, headers_of

SHA256, SHA1, COMMIT = "a" * 64, "b" * 40, "c" * 40
LINKED = [
    ("X-Repo-Commit", COMMIT),
    ("X-Linked-Etag", f'"{SHA256}"'),
    ("X-Linked-Size", "12"),
    ("ETag", '"other"'),
    ("Content-Length", "99"),
    ("Location", "https://cdn/x?Signature=s"),
    ("X-Xet-Hash", "d" * 64),
    ("Content-Type", "text/plain"),
    ("X-Request-Id", "1"),
]


def test_a_redirect_to_the_cdn_states_the_linked_file() -> None:
    fact = fact_from_answer(302, LINKED)
    assert fact is not None
    assert (fact.etag, fact.size_bytes, fact.commit) == (SHA256, 12, COMMIT)
    assert fact.digest == Digest("sha256", SHA256)
    assert fact.headers == (("X-Request-Id", "1"),)
    assert "Signature" not in repr(fact)


def test_a_regular_file_is_named_by_gits_hash() -> None:
    pairs = [("x-repo-commit", COMMIT), ("etag", f'W/"{SHA1}"'), ("content-length", "0")]
    fact = fact_from_answer(200, pairs)
    assert fact is not None
    assert fact.digest == Digest("git-sha1", SHA1)


def test_a_redirects_own_length_and_etag_are_not_the_files() -> None:
    pairs = [("X-Repo-Commit", COMMIT), ("ETag", f'"{SHA1}"'), ("Content-Length", "80")]
    assert fact_from_answer(307, pairs) is None


def test_entries_of_a_listing_are_facts_and_folders_and_oddities_are_not() -> None:
    entries = [
        {"type": "file", "path": "a", "size": 3, "oid": SHA1},
        {"type": "file", "path": "b", "size": 4, "oid": SHA1, "lfs": {"oid": SHA256}},
        {"type": "directory", "path": "d", "oid": SHA1},
        {"type": "file", "path": "e", "size": 4, "oid": "short"},
        "nonsense",
    ]
    facts = dict(facts_from_entries(COMMIT, entries))
    assert set(facts) == {"a", "b"}
    assert facts["a"] == FileFact(COMMIT, SHA1, 3)
    assert facts["b"] == FileFact(COMMIT, SHA256, 4, linked=True)
    assert dict(facts_from_entries(COMMIT, {"error": "x"})) == {}


def test_headers_state_the_fact_again() -> None:
    fact = FileFact(COMMIT, SHA256, 12, linked=True)
    pairs = [*headers_of(fact), ("Content-Length", "12")]
    assert fact_from_answer(200, pairs) == FileFact(
        COMMIT, SHA256, 12, linked=True, headers=(("Accept-Ranges", "bytes"),)
    )
