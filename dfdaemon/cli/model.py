"""``dfctl model``: pushes and pulls models, and looks after their versions and tags."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from dfcore.errors import BadInput, MeganeuraError
from dfcore.quantities import format_size
from dfdaemon.cli import model_volumes
from dfdaemon.cli.entry import run_async
from dfdaemon.cli.job_api import ManagerAccess, ManagerApi, manager_options
from dfdaemon.cli.model_files import AT_ONCE, LocalFile, download, found_in, hashed, upload
from dfdaemon.cli.progress import display
from dfdaemon.cli.tables import Column, show_one, show_rows, size

_REFERENCE = re.compile(r"([\w.-]+/[\w.-]+)(?::([\w.-]+)|@([0-9a-f]{8,64}))?")
DEFAULT_TAG = "latest"

_MODELS = (
    Column("MODEL", "name"),
    Column("TAGS", "tags", ", ".join),
    Column("VERSIONS", "versions", right=True),
    Column("SIZE", "size_bytes", size, right=True),
    Column("VOLUME", "volume"),
    Column("NOTE", "bio"),
)
_VERSIONS = (
    Column("REVISION", "revision", lambda text: text[:16]),
    Column("TAGS", "tags", ", ".join),
    Column("STATE", "state"),
    Column("FILES", "files", right=True),
    Column("SIZE", "size_bytes", size, right=True),
    Column("BY", "uploader"),
    Column("AT", "created_at", lambda text: text[:19]),
    Column("NOTE", "note"),
)
_FILES = (
    Column("FILE", "path"),
    Column("SIZE", "size_bytes", size, right=True),
    Column("DIGEST", "digest"),
)

_json = click.option("--json", "as_json", is_flag=True, help="For scripts.")
_quiet = click.option("--no-progress", "quiet", is_flag=True, help="Without bars.")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reference:
    """``org/name``, with a tag or a revision."""

    model: str
    ref: str

    @classmethod
    def parse(cls, text: str, default: str = DEFAULT_TAG) -> Reference:
        """Read ``org/name[:tag|@revision]``. Raises BadInput."""
        match = _REFERENCE.fullmatch(text)
        if match is None:
            raise BadInput(f"{text[:100]!r} is not org/name, org/name:tag or org/name@revision")
        return cls(match[1], match[2] or match[3] or default)

    @property
    def base(self) -> str:
        """Its place in the manager's REST."""
        return f"/api/v1/models/{self.model}"


@click.group("model")
def group() -> None:
    """The model registry: versions of models in volumes, and tags that lead to them."""


group.add_command(model_volumes.group)


@group.command("push")
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("target", metavar="ORG/NAME[:TAG]")
@click.option("--tag", "more_tags", multiple=True, help="One more tag. Repeatable.")
@click.option("--note", default="", help="What is new.")
@click.option("--volume", default="", help="Where a new model goes. [default: the first volume]")
@_quiet
@_json
@manager_options
def push(
    access: ManagerAccess,
    *,
    folder: Path,
    target: str,
    more_tags: tuple[str, ...],
    note: str,
    volume: str,
    quiet: bool,
    as_json: bool,
) -> None:
    """Push a folder as a version; only contents that are stored nowhere are uploaded."""
    reference = Reference.parse(target)
    wish = {"note": note, "volume": volume}
    tags = [reference.ref, *more_tags]
    done = run_async(_push(access, folder, reference, wish, tags, quiet=quiet or as_json))
    if as_json:
        show_one(done, as_json=True)
        return
    click.echo(
        f"{reference.model}@{done['revision'][:16]}  {', '.join(tags)}  "
        f"{done['files']} files, {format_size(done['size_bytes'])}; "
        f"uploaded {done['uploaded_files']}, {format_size(done['uploaded_bytes'])}"
    )


async def _push(
    access: ManagerAccess,
    folder: Path,
    reference: Reference,
    wish: dict[str, Any],
    tags: Sequence[str],
    *,
    quiet: bool,
) -> dict[str, Any]:
    files = await _hash_all(folder, quiet=quiet)
    by_digest = {file.digest: file for file in files}
    async with ManagerApi(access) as api:
        listed = [file.listed() for file in files]
        begun = await api.ask("POST", f"{reference.base}/versions", {"files": listed, **wish})
        where = f"{reference.base}/pushes/{begun['version_id']}"
        uploaded: dict[str, LocalFile] = {}
        done = begun
        # What was there at the beginning may be removed meanwhile: the commit tells.
        for _ in range(3):
            missing = [by_digest[digest] for digest in done["missing"]]
            await _upload_all(api, where, missing, quiet=quiet)
            uploaded |= {file.digest: file for file in missing}
            done = await api.ask("POST", f"{where}/commit", {"tags": list(tags)})
            if done["ready"]:
                break
        else:
            raise MeganeuraError("contents vanish as fast as they are uploaded: try again")
    return {
        "model": reference.model,
        "revision": done["revision"],
        "tags": list(tags),
        "files": len(files),
        "size_bytes": sum(file.size_bytes for file in files),
        "uploaded_files": len(uploaded),
        "uploaded_bytes": sum(file.size_bytes for file in uploaded.values()),
    }


async def _hash_all(folder: Path, *, quiet: bool) -> list[LocalFile]:
    paths = found_in(folder)
    total = sum(path.stat().st_size for path in paths)
    base = folder.parent if folder.is_file() else folder
    with display(wanted=not quiet, files=len(paths), total_bytes=total) as shown:

        async def one(path: Path) -> LocalFile:
            name = path.relative_to(base).as_posix()
            progress = shown.file(f"hash {name}", path.stat().st_size)
            return await asyncio.to_thread(hashed, path, name, progress)

        return await _some_at_once(paths, one)


async def _upload_all(
    api: ManagerApi, where: str, files: Sequence[LocalFile], *, quiet: bool
) -> None:
    total = sum(file.size_bytes for file in files)
    with display(wanted=not quiet, files=len(files), total_bytes=total) as shown:

        async def one(file: LocalFile) -> None:
            await upload(api, where, file, shown.file(file.path, file.size_bytes))

        await _some_at_once(files, one)


@group.command("pull")
@click.argument("source", metavar="ORG/NAME[:TAG|@REVISION]")
@click.argument("folder", type=click.Path(path_type=Path))
@_quiet
@_json
@manager_options
def pull(access: ManagerAccess, *, source: str, folder: Path, quiet: bool, as_json: bool) -> None:
    """Have the files of a version in a folder; those that are there are verified and left."""
    reference = Reference.parse(source)
    done = run_async(_pull(access, reference, folder, quiet=quiet or as_json))
    if as_json:
        show_one(done, as_json=True)
        return
    click.echo(
        f"{reference.model}@{done['revision'][:16]}  {done['files']} files in {folder}; "
        f"downloaded {done['downloaded_files']}, {format_size(done['downloaded_bytes'])}"
    )


async def _pull(
    access: ManagerAccess, reference: Reference, folder: Path, *, quiet: bool
) -> dict[str, Any]:
    async with ManagerApi(access) as api:
        version = await api.ask("GET", f"{reference.base}/versions/{reference.ref}")
        # By the revision: a tag that moves meanwhile must not mix two versions.
        entries = await api.pages(f"{reference.base}/versions/{version['revision']}/files")
        total = version["size_bytes"]
        with display(wanted=not quiet, files=len(entries), total_bytes=total) as shown:

            async def one(entry: dict[str, Any]) -> int | None:
                progress = shown.file(entry["path"], entry["size_bytes"])
                came = await download(api, reference.model, entry, folder, progress)
                return int(entry["size_bytes"]) if came else None

            came = await _some_at_once(entries, one)
    sizes = [size for size in came if size is not None]
    return {
        "model": reference.model,
        "revision": version["revision"],
        "files": len(entries),
        "downloaded_files": len(sizes),
        "downloaded_bytes": sum(sizes),
    }


@group.command("ls")
@click.argument("model", required=False, metavar="[ORG/NAME[:TAG|@REVISION]]")
@click.option("--search", help="A part of the name.")
@_json
@manager_options
def list_models(
    access: ManagerAccess, *, model: str | None, search: str | None, as_json: bool
) -> None:
    """List models, versions of one, or files of a version."""
    if model is None:
        show_rows(_pages(access, "/api/v1/models", search=search), _MODELS, as_json=as_json)
        return
    reference = Reference.parse(model, "")
    if not reference.ref:
        show_rows(_pages(access, f"{reference.base}/versions"), _VERSIONS, as_json=as_json)
        return
    files = _pages(access, f"{reference.base}/versions/{reference.ref}/files")
    show_rows(files, _FILES, as_json=as_json)


@group.command("show")
@click.argument("model", metavar="ORG/NAME[:TAG|@REVISION]")
@_json
@manager_options
def show(access: ManagerAccess, *, model: str, as_json: bool) -> None:
    """Tell all of a model, or of a version."""
    reference = Reference.parse(model, "")
    suffix = f"/versions/{reference.ref}" if reference.ref else ""
    show_one(_ask(access, "GET", f"{reference.base}{suffix}"), as_json=as_json)


@group.command("tag")
@click.argument("source", metavar="ORG/NAME[:TAG|@REVISION]")
@click.argument("tags", nargs=-1, required=True)
@manager_options
def tag(access: ManagerAccess, *, source: str, tags: tuple[str, ...]) -> None:
    """Have tags lead to what another tag, or a revision, names."""
    reference = Reference.parse(source)
    for name in tags:
        _ask(access, "PUT", f"{reference.base}/tags/{name}", {"version": reference.ref})


@group.command("rm")
@click.argument("target", metavar="ORG/NAME[:TAG|@REVISION]")
@click.option("--all", "all_", is_flag=True, help="The model with all its versions.")
@manager_options
def remove(access: ManagerAccess, *, target: str, all_: bool) -> None:
    """Remove a tag (org/name:tag), a version that no tag leads to (org/name@revision), or a model."""
    reference = Reference.parse(target, "")
    if not reference.ref:
        if not all_:
            raise BadInput(f"{target} names a model with all its versions: --all removes it")
        _ask(access, "DELETE", reference.base)
    elif "@" in target:
        _ask(access, "DELETE", f"{reference.base}/versions/{reference.ref}")
    else:
        _ask(access, "DELETE", f"{reference.base}/tags/{reference.ref}")


@group.command("import")
@click.argument("path")
@click.argument("target", metavar="ORG/NAME[:TAG]")
@click.option("--note", default="", help="What is new.")
@click.option("--volume", default="", help="Where a new model goes. [default: the first volume]")
@_json
@manager_options
def take_in(
    access: ManagerAccess, *, path: str, target: str, note: str, volume: str, as_json: bool
) -> None:
    """Make a version of a folder that is in the volume already (by S3, a mount, a copy)."""
    reference = Reference.parse(target)
    wish = {"path": path, "volume": volume, "note": note, "tags": [reference.ref]}
    show_one(_ask(access, "POST", f"{reference.base}/import", wish), as_json=as_json)


def _ask(access: ManagerAccess, method: str, path: str, body: Any = None) -> Any:
    async def work() -> Any:
        async with ManagerApi(access) as api:
            return await api.ask(method, path, body)

    return run_async(work())


def _pages(access: ManagerAccess, path: str, **query: Any) -> list[Any]:
    async def work() -> list[Any]:
        async with ManagerApi(access) as api:
            return await api.pages(path, query)

    return run_async(work())


async def _some_at_once(items: Sequence[Any], work: Callable[[Any], Awaitable[T]]) -> list[T]:
    """Do the work for each item, a few at a time; the first error ends it."""
    limit = asyncio.Semaphore(AT_ONCE)

    async def one(item: Any) -> T:
        async with limit:
            return await work(item)

    return list(await asyncio.gather(*(one(item) for item in items)))
