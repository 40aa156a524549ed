"""Which buckets there are: the volume as the only one, or with `--multi-buckets` its directories."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dffs.gateway.bucket import PRIVATE, Bucket
from dffs.gateway.errors import S3Error
from dffs.meta.types import FileKind, MetaError
from dffs.tree import Tree

_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


@dataclass(frozen=True, slots=True)
class Buckets:
    """The buckets of one volume; `name` is that of the only one, empty with several."""

    tree: Tree
    name: str

    def all(self) -> list[tuple[str, int]]:
        """Names and times of making (ns)."""
        if self.name:
            return [(self.name, self.tree.stat("").ctime_ns)]
        return [
            (entry.name.decode(), entry.attr.ctime_ns)
            for entry in self.tree.listdir("")
            if entry.kind is FileKind.DIRECTORY
            and entry.attr is not None
            and _NAME.fullmatch(entry.name.decode("utf-8", "replace"))
        ]

    def get(self, name: str) -> Bucket:
        """A bucket. Raises S3Error NoSuchBucket."""
        if self.name:
            if name != self.name:
                raise S3Error("NoSuchBucket")
            return Bucket(name, self.tree)
        attr = self.tree.find(name) if _NAME.fullmatch(name) else None
        if attr is None or attr.kind is not FileKind.DIRECTORY:
            raise S3Error("NoSuchBucket")
        inner = Tree(self.tree.meta, self.tree.files, caller=self.tree.caller, root=attr.ino)
        return Bucket(name, inner)

    def create(self, name: str) -> None:
        """Make a bucket; the only one is there already."""
        if self.name:
            if name == self.name:
                raise S3Error("BucketAlreadyOwnedByYou")
            raise S3Error("AccessDenied", f"There is one bucket only here: {self.name}.")
        if not _NAME.fullmatch(name) or name == PRIVATE:
            raise S3Error("InvalidBucketName")
        if self.tree.find(name) is not None:
            raise S3Error("BucketAlreadyOwnedByYou")
        self.tree.mkdirs(name)

    def delete(self, name: str) -> None:
        """Remove an empty bucket."""
        self.get(name)
        if self.name:
            raise S3Error("AccessDenied", "The volume's own bucket stays.")
        try:
            self.tree.remove(name)
        except MetaError as error:
            raise S3Error("BucketNotEmpty") from error
