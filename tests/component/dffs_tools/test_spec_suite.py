"""fsspec's own suite for file systems, on a volume."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fsspec.implementations.local import LocalFileSystem
from fsspec.tests import abstract

from dffs.spec import DffsFileSystem


class _OnVolume(abstract.AbstractFixtures):
    @pytest.fixture
    def fs(self, meta_url: str) -> Iterator[DffsFileSystem]:
        opened = DffsFileSystem(meta=meta_url, skip_instance_cache=True)
        yield opened
        opened.close()

    @pytest.fixture
    def fs_path(self) -> str:
        return "models"

    @pytest.fixture
    def local_fs(self) -> LocalFileSystem:
        return LocalFileSystem(auto_mkdir=True)


class TestCopy(abstract.AbstractCopyTests, _OnVolume):
    pass


class TestGet(abstract.AbstractGetTests, _OnVolume):
    pass


class TestPut(abstract.AbstractPutTests, _OnVolume):
    pass


class TestOpen(abstract.AbstractOpenTests, _OnVolume):
    pass


class TestPipe(abstract.AbstractPipeTests, _OnVolume):
    pass
