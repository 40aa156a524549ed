"""A seed hands out what it holds also where a child asks for it by another name."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import cast

import pytest

from blobstore.model import BlobMeta
from dfcore.digest import Digest, unit_digest
from dfcore.errors import NotFound
from dfcore.pieces import Geometry
from dfdaemon.control.serving import joined
from dfdaemon.task.conductor import Child, Conductor
from dfdaemon.task.parts import EngineParts
from dfdaemon.task.registry import TaskRegistry
from dfdaemon.task.spec import TaskSpec
from tests.component.dfdaemon_task.conftest import Silent

CONTENT = b"the bytes of a model" * 100
DIGEST = Digest("sha256", hashlib.sha256(CONTENT).hexdigest())
BY_URL = TaskSpec("http://hub.test/o/m/resolve/main/f", size_bytes=len(CONTENT))
BY_DIGEST = replace(BY_URL, content=str(DIGEST), digest=DIGEST)
CHILD = cast(Child, Silent())


@pytest.fixture
def tasks(parts: EngineParts) -> TaskRegistry:
    """Of a seed that was asked for the content by its URL."""
    blob = parts.store.create(BY_URL.task_id, Geometry.for_size(len(CONTENT)), meta=BlobMeta())
    blob.write_at(0, CONTENT)
    blob.commit(0, unit_digest(CONTENT))
    blob.seal(DIGEST)
    return TaskRegistry(replace(parts, host=replace(parts.host, seed=True)))


async def test_content_that_is_here_under_its_url_is_found_by_its_digest(
    tasks: TaskRegistry,
) -> None:
    blob = tasks.join(BY_DIGEST.task_id, BY_DIGEST, CHILD, None, secure=False)
    assert not isinstance(blob, Conductor)
    assert blob.id == BY_URL.task_id
    # The child knows it by the name that it asked for, and asks for its units so.
    assert joined(BY_DIGEST.task_id, blob, "peer").task_id == BY_DIGEST.task_id
    served = tasks.lookup(BY_DIGEST.task_id)
    assert served is not None
    assert served.blob is blob


async def test_a_child_cannot_say_what_another_task_is_made_of(tasks: TaskRegistry) -> None:
    """Only an id that is made of the digest vouches for it."""
    lie = TaskSpec("http://elsewhere.test/g", digest=DIGEST, size_bytes=len(CONTENT))
    found = tasks.join(lie.task_id, lie, CHILD, None, secure=False)
    assert isinstance(found, Conductor)
    with pytest.raises(NotFound):
        tasks.join("ab" * 32, BY_DIGEST, CHILD, None, secure=False)
    await tasks.aclose()


async def test_other_pieces_are_other_content(tasks: TaskRegistry) -> None:
    other = replace(BY_DIGEST, piece_length=8 << 20)
    found = tasks.join(other.task_id, other, CHILD, None, secure=False)
    assert isinstance(found, Conductor)
    await tasks.aclose()


def test_urls_and_tags_that_make_one_id_are_two_contents(parts: EngineParts) -> None:
    """Dragonfly's ids have no separators; its daemons serve one for the other."""
    tagged = TaskSpec("http://origin.test/a", tag="b", filtered_query_params=("sig",))
    other = TaskSpec("http://origin.test/ab", filtered_query_params=("sig",))
    assert tagged.task_id == other.task_id
    meta = BlobMeta(url=tagged.public_url)
    blob = parts.store.create(tagged.task_id, Geometry.for_size(len(CONTENT)), meta=meta)
    blob.write_at(0, CONTENT)
    blob.commit(0, unit_digest(CONTENT))
    blob.seal(DIGEST)
    registry = TaskRegistry(parts)
    assert registry.finished_blob(tagged) is blob
    assert registry.finished_blob(other) is None
    spelt = replace(tagged, url="HTTP://Origin.test:80/x/../a?sig=1")
    assert spelt.task_id == tagged.task_id
    assert registry.finished_blob(spelt) is blob
