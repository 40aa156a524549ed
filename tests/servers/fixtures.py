"""Fixtures over `shared`: import what is needed into a conftest."""

from __future__ import annotations

import pytest

from tests.servers import shared

ENGINES = ("memory", "sqlite", "redis", "postgresql", "mysql")


@pytest.fixture
def s3_bucket() -> shared.Bucket:
    """An empty bucket on a real S3 server."""
    return shared.s3_bucket()


def engine_url(kind: str, folder: object) -> str:
    """The URL of an empty engine of a kind (one of ENGINES); SQLite's file lies in `folder`."""
    if kind == "memory":
        return "memory://"
    if kind == "sqlite":
        return f"sqlite:///{folder}/meta.db"
    return shared.fresh_engine_url(kind)
