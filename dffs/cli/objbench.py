"""``dffs objbench``: does an object store do what a volume needs, and how fast is it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import click
from rich.console import Console
from rich.table import Table

from dfcore.errors import MeganeuraError, NotFound
from dffs.cli.entry import SIZE
from dffs.object.opening import STORAGES, Location, open_store
from dffs.object.store import ObjectStore

_MIB = 1 << 20
_PREFIX = "dffs-objbench"


@click.command("objbench")
@click.argument("bucket")
@click.option("--storage", type=click.Choice(STORAGES), default="file", show_default=True)
@click.option("--access-key", envvar="ACCESS_KEY", default="")
@click.option("--secret-key", envvar="SECRET_KEY", default="")
@click.option("--session-token", envvar="SESSION_TOKEN", default="")
@click.option("--region", default="")
@click.option("--block-size", type=SIZE, default=4 * _MIB, show_default="4M")
@click.option("--big-object-size", type=SIZE, default=256 * _MIB, show_default="256M",
              help="Put and got in blocks, as a volume does.")  # fmt: skip
@click.option("--small-object-size", type=SIZE, default=128 << 10, show_default="128K")
@click.option("--small-objects", type=click.IntRange(0), default=100, show_default=True)
@click.option("--skip-functional-tests", is_flag=True)
@click.option("-p", "--threads", type=click.IntRange(1, 256), default=4, show_default=True)
@click.option("--json", "as_json", is_flag=True)
def command(
    bucket: str,
    storage: str,
    access_key: str,
    secret_key: str,
    session_token: str,
    region: str,
    block_size: int,
    big_object_size: int,
    small_object_size: int,
    small_objects: int,
    skip_functional_tests: bool,
    threads: int,
    as_json: bool,
) -> int:
    """Test BUCKET (written as for `dffs format --bucket`); exit code 1 if a volume cannot use it."""
    store = open_store(Location(storage, bucket, region, access_key, secret_key, session_token))
    prefix = f"{_PREFIX}-{os.urandom(4).hex()}"
    try:
        checks = {} if skip_functional_tests else functional(store, prefix)
        figures = {
            **_sized(store, f"{prefix}/big", big_object_size // block_size, block_size, threads,
                     "block"),
            **_sized(store, f"{prefix}/small", small_objects, small_object_size, threads, "small"),
        }  # fmt: skip
    finally:
        try:
            store.delete([info.name for info in store.list(f"{prefix}/")])
        finally:
            store.close()
    failed = [name for name, told in checks.items() if told not in ("pass", "not needed")]
    if as_json:
        click.echo(json.dumps({"checks": checks, **figures}, indent=2))
    else:
        _show(checks, figures)
    return 1 if failed else 0


def functional(store: ObjectStore, prefix: str) -> dict[str, str]:
    """What a volume asks of a store, tried; `pass` or what was wrong."""
    name = f"{prefix}/check/a"

    def create_only() -> bool:
        return store.put(name, b"first", create=True) and not store.put(name, b"2", create=True)

    def missing() -> bool:
        try:
            store.get(f"{prefix}/none")
        except NotFound:
            return True
        return False

    def listed() -> bool:
        names = [f"{prefix}/check/{letter}" for letter in "bcd"]
        for one in names:
            store.put(one, b"x")
        found = sorted(info.name for info in store.list(f"{prefix}/check/"))
        after = sorted(info.name for info in store.list(f"{prefix}/check/", after=names[0]))
        return found == [name, *names] and after == names[1:]

    def deleted() -> bool:
        store.delete([name, f"{prefix}/none"])
        return store.head(name) is None

    tests: dict[str, Callable[[], bool]] = {
        "put creates only": create_only,
        "get": lambda: bytes(store.get(name)) == b"first",
        "get a range": lambda: bytes(store.get_range(name, 1, 3)) == b"irs",
        "get nothing": missing,
        "head": lambda: (info := store.head(name)) is not None and info.size_bytes == 5,
        "replace": lambda: store.put(name, b"other") and bytes(store.get(name)) == b"other",
        "empty object": lambda: store.put(name, b"") and bytes(store.get(name)) == b"",
        "list": listed,
        "delete": deleted,
    }
    return {title: _outcome(test) for title, test in tests.items()}


def _outcome(test: Callable[[], bool]) -> str:
    try:
        return "pass" if test() else "FAIL: wrong answer"
    except (MeganeuraError, OSError) as error:
        return f"FAIL: {error}"


def _sized(
    store: ObjectStore, prefix: str, count: int, size: int, threads: int, what: str
) -> dict[str, float]:
    """Put, get and delete `count` objects of a size."""
    if not count:
        return {}
    content = os.urandom(size)
    names = [f"{prefix}/{index}" for index in range(count)]
    figures = {}
    for verb, work in (
        ("put", lambda name: store.put(name, name.encode() + content[len(name) :], create=True)),
        ("get", store.get),
        ("head", store.head),
    ):
        began = time.perf_counter()
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(work, names))
        spent = max(time.perf_counter() - began, 1e-9)
        figures[f"{what}_{verb}_per_s"] = count / spent
        if verb != "head":
            figures[f"{what}_{verb}_mib_per_s"] = count * size / _MIB / spent
    return figures


def _show(checks: dict[str, str], figures: dict[str, float]) -> None:
    table = Table(box=None)
    table.add_column("what")
    table.add_column("outcome", justify="right")
    for name, told in checks.items():
        table.add_row(name, told)
    for name, value in figures.items():
        table.add_row(name.replace("_", " "), f"{value:,.1f}")
    Console().print(table)
