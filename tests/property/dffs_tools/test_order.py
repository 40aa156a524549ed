"""Keys come in the order of their bytes, from wherever one begins; pages of S3 join to the whole."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dffs.format import Format
from dffs.gateway.bucket import Bucket
from dffs.gateway.listing import Page, Query, page
from dffs.sync.items import Item
from dffs.sync.planner import Rules, Step, plan
from dffs.tree import Tree
from dffs.volume import Volume

NAMES = st.text("ab!.0", min_size=1, max_size=3).filter(lambda name: name.strip("."))
_numbers = count()
KEYS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)


def _fits(keys: set[str], key: str) -> bool:
    """Whether a key can be a file beside the others: none is a directory of another."""
    above = {str(parent) for parent in PurePosixPath(key).parents}
    return key not in keys and not above & keys and not any(k.startswith(f"{key}/") for k in keys)


@st.composite
def key_sets(draw: st.DrawFn) -> list[str]:
    keys: set[str] = set()
    for key in draw(st.lists(KEYS, max_size=12)):
        if _fits(keys, key):
            keys.add(key)
    return sorted(keys)


def expected_objects(keys: list[str], query: Query) -> list[str]:
    """The keys that are shown as themselves."""
    return [
        key
        for key in keys
        if key.startswith(query.prefix)
        and key > query.after
        and not (query.delimiter and query.delimiter in key[len(query.prefix) :])
    ]


def _expected(keys: list[str], query: Query) -> Page:
    """What S3 says about pages, done the slow way."""
    found = Page()
    seen: list[str] = []
    groups: set[str] = set()
    for key in keys:
        if not key.startswith(query.prefix):
            continue
        at = key.find(query.delimiter, len(query.prefix)) if query.delimiter else -1
        shown = key if at < 0 else key[: at + len(query.delimiter)]
        if at >= 0:
            groups.add(shown)
        if shown > query.after and shown not in seen:
            seen.append(shown)
    for shown in seen[: query.max_keys]:
        if shown in groups:
            found.prefixes.append(shown)
        found.last = shown
    found.truncated = len(seen) > query.max_keys
    return found


@pytest.fixture(scope="module")
def volume(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Volume]:
    folder = tmp_path_factory.mktemp("volume")
    url = f"sqlite:///{folder}/v.db"
    Volume.format_new(url, Format("models", bucket=f"{folder}/objects"))
    with Volume.open(url) as opened:
        yield opened


@settings(max_examples=40, deadline=None)
@given(
    key_sets(),
    st.sampled_from(["", "/", "!", "a"]),
    st.one_of(st.just(""), KEYS, KEYS.map(lambda key: f"{key}/"), KEYS.map(lambda key: key[:2])),
    st.one_of(st.just(""), KEYS, KEYS.map(lambda key: f"{key}/")),
    st.integers(1, 4),
)
def test_a_page_is_what_s3_would_give(
    volume: Volume, keys: list[str], delimiter: str, prefix: str, after: str, limit: int
) -> None:
    root = Tree(volume.meta, volume.files).mkdirs(f"example-{next(_numbers)}").ino
    tree = Tree(volume.meta, volume.files, root=root)
    for key in keys:
        tree.write(key, [])
    walked = [key.decode() for key, _ in tree.keys(root) if not key.endswith(b"/")]
    assert walked == keys
    from_here = [key for key, _ in tree.keys(root, after=after.encode())]
    assert from_here == [key for key, _ in tree.keys(root) if key > after.encode()]
    query = Query(prefix, delimiter, after, limit)
    got, expected = page(Bucket("models", tree), query), _expected(keys, query)
    assert [one.key for one in got.objects] == expected_objects(keys, query)[: len(got.objects)]
    assert got.prefixes == expected.prefixes
    assert (got.last, got.truncated) == (expected.last, expected.truncated)


@given(
    st.dictionaries(KEYS, st.integers(0, 3), max_size=8),
    st.dictionaries(KEYS, st.integers(0, 3), max_size=8),
)
def test_carrying_a_plan_out_makes_both_sides_equal(
    left: dict[str, int], right: dict[str, int]
) -> None:
    source = [Item(key, size) for key, size in sorted(left.items())]
    there = [Item(key, size) for key, size in sorted(right.items())]
    for action in plan(source, there, Rules(delete_destination=True)):
        if action.step is Step.COPY:
            right[action.item.key] = action.item.size_bytes
        elif action.step is Step.DELETE_DESTINATION:
            del right[action.item.key]
    assert right == left
