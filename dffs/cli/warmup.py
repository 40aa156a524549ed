"""``dffs warmup``: bring a model to this node before it is needed; tell what is here; let go of it."""

from __future__ import annotations

import json
import shlex
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click

from dfcore.errors import BadInput, MeganeuraError
from dfcore.quantities import format_size
from dffs.cli.targets import Json, Target, byte_bar, parse_target


@click.command("warmup")
@click.argument("paths", nargs=-1, metavar="PATH...")
@click.option("-f", "--file", "listing", type=click.Path(exists=True, path_type=Path),
              help="File with one path per line.")  # fmt: skip
@click.option("-p", "--threads", type=click.IntRange(1, 64), default=8, show_default=True)
@click.option("-b", "--background", is_flag=True, help="Return at once; the mount goes on.")
@click.option("--check", is_flag=True, help="Tell how much is on this node; fetch nothing.")
@click.option("--evict", is_flag=True, help="Let go of it.")
@click.option("--node", "nodes", multiple=True, metavar="HOST",
              help="Warm up there, by ssh, at the same time. Repeatable.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def command(
    paths: tuple[str, ...],
    listing: Path | None,
    threads: int,
    background: bool,
    check: bool,
    evict: bool,
    nodes: tuple[str, ...],
    as_json: bool,
) -> int:
    """Fetch files and whole directories of a mounted volume into this node's cache.

    What peers have comes from them; nodes that warm up the same model share what they fetch.
    """
    chosen = [*paths, *(listing.read_text().splitlines() if listing else [])]
    chosen = [path for path in chosen if path.strip()]
    if not chosen:
        raise BadInput("warmup: at least one path is needed")
    if check and evict:
        raise BadInput("--check and --evict cannot both be")
    action = "check" if check else "evict" if evict else "fetch"
    if nodes:
        return _on_nodes(nodes, chosen, threads, action)
    if background:
        for target, inner in _by_mount(chosen):
            target.run("warmup", {"paths": inner, "threads": threads, "background": True})
        return 0
    told = _sum([_one(target, inner, threads, action) for target, inner in _by_mount(chosen)])
    click.echo(json.dumps(told) if as_json else _sentence(told, action))
    return 1 if told["failed"] else 0


def _by_mount(paths: list[str]) -> list[tuple[Target, list[str]]]:
    """The paths of each mount together."""
    found: dict[str, tuple[Target, list[str]]] = {}
    for path in paths:
        target = parse_target(path)
        if target.mounted is None:
            raise BadInput(f"{path}: warm-up fills a mount's cache: a path on a mount is needed")
        found.setdefault(target.place, (target, []))[1].append(target.inner)
    return list(found.values())


def _one(target: Target, inner: list[str], threads: int, action: str) -> Json:
    with byte_bar({"fetch": "warming up", "check": "checking", "evict": "evicting"}[action]) as bar:

        def tell(step: Json) -> None:
            done = step["fetched_bytes"] + step["held_bytes"] + step["evicted_bytes"]
            bar(min(done, step["size_bytes"]), step["size_bytes"])

        return target.run("warmup", {"paths": inner, "threads": threads, "action": action}, tell)


def _sum(all_told: list[Json]) -> Json:
    return {name: sum(one[name] for one in all_told) for name in all_told[0]}


def _sentence(told: Json, action: str) -> str:
    whole = f"{told['files']} files, {format_size(told['size_bytes'])}"
    held = format_size(told["held_bytes"])
    middle = {
        "check": f"{held} of it on this node ({_percent(told)} %)",
        "evict": f"{format_size(told['evicted_bytes'])} let go",
        "fetch": f"{held} were here, {format_size(told['fetched_bytes'])} read",
    }[action]
    failed = f", {told['failed']} FAILED (see the mount's log)" if told["failed"] else ""
    return f"{whole}: {middle}{failed}"


def _percent(told: Json) -> str:
    share = 100 * told["held_bytes"] / told["size_bytes"] if told["size_bytes"] else 100.0
    return f"{share:.1f}"


def _on_nodes(nodes: tuple[str, ...], paths: list[str], threads: int, action: str) -> int:
    flag = [] if action == "fetch" else [f"--{action}"]

    def one(node: str) -> str:
        words = ["ssh", "-o", "BatchMode=yes", node, "dffs", "warmup", "-p", str(threads), *flag]
        quoted = [shlex.quote(path) for path in paths]
        done = subprocess.run([*words, *quoted], capture_output=True, text=True, check=False)
        if done.returncode:
            raise MeganeuraError(f"{node}: {(done.stderr or done.stdout).strip()[-300:]}")
        return f"{node}: {done.stdout.strip()}"

    failed = 0
    with ThreadPoolExecutor(min(len(nodes), 32)) as pool:
        for job in [pool.submit(one, node) for node in nodes]:
            try:
                click.echo(job.result())
            except MeganeuraError as error:
                click.echo(str(error), err=True)
                failed += 1
    return 1 if failed else 0
