"""One run of dfget: from a URL to files in their places. Everything but the command line."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dfcore.errors import MeganeuraError, OriginRefused, TimedOut
from dfcore.quantities import format_duration
from dfdaemon.cli.daemon import Daemon, NoDaemon, find_socket
from dfdaemon.cli.download import Downloader, Fetched
from dfdaemon.cli.items import GetOptions, Item, place
from dfdaemon.cli.progress import Display, display
from dfdaemon.cli.refusal import told
from dfdaemon.cli.sources import list_items
from dfinfra.jobs import JobGroup
from dfinfra.offload import Pool


@dataclass(frozen=True)
class Summary:
    """What a run brought."""

    files: int
    size_bytes: int
    were_there: int


async def get(options: GetOptions) -> Summary:
    """Download what the URL stands for. Raises a MeganeuraError that names the file."""
    try:
        async with asyncio.timeout(options.timeout_s):
            return await _get(options)
    except TimeoutError:
        raise TimedOut(
            f"not finished within {format_duration(options.timeout_s)};"
            " what has arrived is kept, the same command goes on from there"
        ) from None


async def _get(options: GetOptions) -> Summary:
    socket_path = find_socket(options.endpoint)
    listing = await list_items(options)
    places = place(listing.only(options.include_files), options.output)
    disk = Pool("dfget", 4)
    try:
        async with Daemon(socket_path) as daemon:
            fetched = await _fetch_all(Downloader(daemon, options, disk), places, options)
    finally:
        disk.close()
    return Summary(
        len(fetched),
        sum(file.size_bytes for file in fetched),
        sum(file.was_there for file in fetched),
    )


async def _fetch_all(
    downloader: Downloader, places: tuple[tuple[Item, Path], ...], options: GetOptions
) -> list[Fetched]:
    sizes = [item.size_bytes for item, _ in places]
    total_bytes = None if None in sizes else sum(size or 0 for size in sizes)
    fetched: list[Fetched] = []
    with display(
        wanted=not options.no_progress, files=len(places), total_bytes=total_bytes
    ) as shown:
        queue = iter(places)
        async with JobGroup("dfget") as group:
            workers = [
                group.spawn(
                    _work(downloader, queue, shown, fetched), name=f"files {n}", on_error=_raised
                )
                for n in range(min(options.concurrent, len(places)))
            ]
            await asyncio.gather(*workers)
    return fetched


async def _work(
    downloader: Downloader,
    queue: Iterator[tuple[Item, Path]],
    shown: Display,
    fetched: list[Fetched],
) -> None:
    for item, path in queue:
        bar = shown.file(item.name, item.size_bytes)
        try:
            fetched.append(await downloader.fetch(item, path, bar))
        except OriginRefused as error:
            raise told(item.name, error) from error
        except MeganeuraError as error:
            if error.exit_code == 2 or isinstance(error, NoDaemon):
                raise
            raise MeganeuraError(f"{item.name}: {error}") from error
        except OSError as error:
            what = error.strerror or str(error)
            raise MeganeuraError(f"{error.filename or path}: {what}") from error
        bar.done()


def _raised(error: BaseException) -> None:
    """The one who waits for the jobs raises it."""
