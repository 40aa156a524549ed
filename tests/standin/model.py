"""What the stand-in Hub knows: repositories with their commits, and who may read them.

Filled by fixtures, the admin API and tests; read by all handlers. No I/O of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from tests.standin.content import Content, lfs_pointer

TYPES = ("model", "dataset", "space")
LFS_SUFFIXES = (
    ".safetensors", ".bin", ".gguf", ".onnx", ".pt", ".pth", ".h5", ".parquet", ".ckpt", ".msgpack",
)  # fmt: skip
LFS_SIZE_BYTES = 10 << 20


@dataclass(frozen=True)
class File:
    """One path of a commit: a regular git file, or an LFS file on the CDN."""

    content: Content
    lfs: bool = False

    @cached_property
    def oid(self) -> str:
        """Git blob id: of the content, or of the pointer when the file is on LFS."""
        if self.lfs:
            return Content(lfs_pointer(self.content)).git_sha1
        return self.content.git_sha1

    @property
    def etag(self) -> str:
        """What clients name the blob by: SHA-256 of an LFS file, git SHA-1 of a regular one."""
        return self.content.sha256 if self.lfs else self.content.git_sha1


Source = File | Content | bytes | str


def as_file(path: str, source: Source) -> File:
    """Make a File of what a test hands over; large files and weights go to LFS."""
    if isinstance(source, File):
        return source
    if isinstance(source, str):
        source = source.encode()
    content = Content(source) if isinstance(source, bytes) else source
    return File(content, lfs=path.endswith(LFS_SUFFIXES) or content.size > LFS_SIZE_BYTES)


@dataclass
class Repo:
    """One repository; `refs` name commits, `commits` hold path -> File."""

    id: str
    type: str = "model"
    private: bool = False
    gated: str | bool = False
    disabled: bool = False
    refs: dict[str, str] = field(default_factory=dict)
    commits: dict[str, dict[str, File]] = field(default_factory=dict)

    @property
    def hex_id(self) -> str:
        """24 hex digits, as the database id that shows in xet-bridge URLs."""
        return hashlib.sha256(f"{self.type}/{self.id}".encode()).hexdigest()[:24]

    @property
    def prefix(self) -> str:
        """Path prefix of the type on the Hub: "", "datasets/" or "spaces/"."""
        return "" if self.type == "model" else f"{self.type}s/"

    @property
    def head(self) -> str:
        """Commit that `main` names."""
        return self.refs["main"]

    def commit(self, files: Mapping[str, Source], *, ref: str | None = "main") -> str:
        """Add a commit that holds exactly `files`; point `ref` at it. Returns its 40 hex digits."""
        made = {path: as_file(path, source) for path, source in sorted(files.items())}
        text = "\n".join(f"{path} {file.oid}" for path, file in made.items())
        seed = f"{self.type}/{self.id} {len(self.commits)}\n{text}"
        commit = hashlib.sha1(seed.encode(), usedforsecurity=False).hexdigest()
        self.commits[commit] = made
        if ref is not None:
            self.refs[ref] = commit
        return commit

    def resolve(self, revision: str) -> str | None:
        """Commit of a branch, tag, refs/... name or full commit id; None when unknown."""
        if revision in self.commits:
            return revision
        return self.refs.get(revision)

    def file(self, path: str, revision: str = "main") -> File:
        """The file at `path`; KeyError when it is not there (for tests)."""
        return self.commits[self.refs.get(revision, revision)][path]


@dataclass(frozen=True)
class User:
    """Who a token belongs to; `granted` are ids of private or gated repos they may read."""

    name: str
    granted: frozenset[str] = frozenset()

    @property
    def id(self) -> str:
        """24 hex digits that show in signed URLs."""
        return hashlib.sha256(self.name.encode()).hexdigest()[:24]


class HubState:
    """All repositories and tokens of one stand-in."""

    def __init__(self) -> None:
        self.repos: dict[tuple[str, str], Repo] = {}
        self.renamed: dict[tuple[str, str], str] = {}
        self.tokens: dict[str, User] = {}
        self.plain: dict[str, Content] = {}
        self.uploaded: dict[str, Content] = {}
        self._contents: dict[str, Content] = {}
        self._names: dict[int, tuple[str, ...]] = {}
        self._version: tuple[tuple[str, int], ...] = ()

    def create(
        self,
        repo_id: str,
        files: Mapping[str, Source] | None = None,
        *,
        type: str = "model",
        private: bool = False,
        gated: str | bool = False,
    ) -> Repo:
        """Add a repository (replacing one of the same name) with a first commit on main."""
        if type not in TYPES:
            raise ValueError(f"type is one of {TYPES}")
        repo = Repo(repo_id, type=type, private=private, gated=gated)
        self.repos[type, repo_id] = repo
        self._version = ()
        repo.commit(files or {})
        return repo

    def rename(self, repo: Repo, new_id: str) -> None:
        """Move a repository; its old address redirects from then on."""
        del self.repos[repo.type, repo.id]
        self.renamed[repo.type, repo.id] = new_id
        repo.id = new_id
        self.repos[repo.type, new_id] = repo

    def add_token(self, token: str, user: str, granted: tuple[str, ...] = ()) -> User:
        """Let `token` act as `user`, who may read the `granted` repositories."""
        self.tokens[token] = User(user, frozenset(granted))
        return self.tokens[token]

    def content_by_hash(self, value: str) -> Content | None:
        """The LFS content whose SHA-256 or Xet hash is `value`."""
        self._refresh()
        return self._contents.get(value)

    def lfs_contents(self) -> list[Content]:
        """Every content that is an LFS file somewhere."""
        self._refresh()
        return list(dict.fromkeys(self._contents.values()))

    def names_of(self, content: Content) -> tuple[str, ...]:
        """Every `org/name/path` under which the content is found."""
        self._refresh()
        return self._names.get(id(content), ())

    def user_by_id(self, user_id: str) -> str:
        """Name of the user whose id stands in a signed URL."""
        for user in self.tokens.values():
            if user.id == user_id:
                return user.name
        return "anonymous"

    def _refresh(self) -> None:
        """Rebuild the look-up tables when a commit was added or a repository renamed."""
        version = tuple((repo.id, len(repo.commits)) for repo in self.repos.values())
        if version == self._version:
            return
        self._version = version
        contents: dict[str, Content] = {}
        names: dict[int, list[str]] = {}
        for repo in self.repos.values():
            for files in repo.commits.values():
                for path, file in files.items():
                    names.setdefault(id(file.content), []).append(f"{repo.id}/{path}")
                    if file.lfs:
                        contents[file.content.sha256] = file.content
                        contents[file.content.xet_hash] = file.content
        self._contents = contents
        self._names = {key: tuple(dict.fromkeys(value)) for key, value in names.items()}
