"""A file's download path says which file it is, whatever its name."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from dfdaemon.hub.routes import Kind, Repo, Route, parse, resolve_path

NAME = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,20}", fullmatch=True).filter(
    lambda name: (
        name not in ("datasets", "spaces", "kernels", "api", "v2", "resolve")
        and not name.endswith(".git")
    )
)
SEGMENT = st.text(
    st.characters(exclude_characters="/", exclude_categories=("Cs",)), min_size=1, max_size=20
).filter(lambda segment: segment not in (".", ".."))
TYPES = st.sampled_from(["models", "datasets", "spaces", "kernels"])


@settings(max_examples=200, deadline=None)
@given(TYPES, NAME, NAME, SEGMENT, st.lists(SEGMENT, min_size=1, max_size=4))
def test_a_path_is_read_as_it_was_written(
    type_: str, owner: str, name: str, revision: str, segments: list[str]
) -> None:
    repo, path = Repo(type_, f"{owner}/{name}"), "/".join(segments)
    if revision == "refs" and segments[0] in ("pr", "convert"):
        return
    written = resolve_path(repo, revision, path)
    assert written.isascii()
    assert parse(written) == Route(Kind.RESOLVE, repo, revision, path)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60))
def test_any_path_is_read_without_an_error(text: str) -> None:
    parse("/" + text)
