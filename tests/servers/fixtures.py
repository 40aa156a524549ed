"""Fixtures over `shared`: import what is needed into a conftest."""

from __future__ import annotations

import pytest

from tests.servers import shared


@pytest.fixture
def s3_bucket() -> shared.Bucket:
    """An empty bucket on a real S3 server."""
    return shared.s3_bucket()
