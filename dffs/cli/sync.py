"""``dffs sync``: copies trees between volumes, object stores and directories."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import click

from dfcore.errors import BadInput
from dfcore.quantities import format_size
from dffs.cli.entry import RATE, SIZE, passphrase
from dffs.cli.targets import byte_bar, with_passphrase
from dffs.options import VolumeOptions
from dffs.places import state_folder
from dffs.sync.addresses import open_address
from dffs.sync.checkpoint import Checkpoint, fingerprint
from dffs.sync.filters import Filter, Rule
from dffs.sync.items import WriteOptions
from dffs.sync.planner import Action, Rules
from dffs.sync.runner import Options, Outcome, Runner
from dfinfra.command import DURATION


@click.command("sync")
@click.argument("source", metavar="SRC")
@click.argument("destination", metavar="DST")
@click.option("--include", "includes", multiple=True, metavar="PATTERN")
@click.option("--exclude", "excludes", multiple=True, metavar="PATTERN")
@click.option("--match-full-path", is_flag=True)
@click.option("--files-from", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="Only these keys, one a line; a directory ends with a slash.")  # fmt: skip
@click.option("-s", "--start", default="", help="First key.")
@click.option("-e", "--end", default="", help="Key to stop before.")
@click.option("--min-size", type=SIZE, default=0)
@click.option("--max-size", type=SIZE, default=None)
@click.option("--min-age", type=DURATION, default=None, help="Only what changed before that.")
@click.option("--max-age", type=DURATION, default=None, help="Only what changed since.")
@click.option("--limit", type=click.IntRange(0), default=None, help="At most so many objects.")
@click.option("-u", "--update", is_flag=True, help="Replace what is older than the source.")
@click.option("-f", "--force-update", is_flag=True, help="Copy all.")
@click.option("--existing", is_flag=True, help="Make nothing new at the destination.")
@click.option("--ignore-existing", is_flag=True, help="Leave what is there.")
@click.option("--dirs", is_flag=True, help="Directories, too.")
@click.option("--links", is_flag=True, help="Symbolic links as links.")
@click.option("--perms", is_flag=True, help="Keep mode and owner.")
@click.option("--inplace", is_flag=True, help="Write files of a directory in place.")
@click.option("--delete-src", is_flag=True, help="Remove from the source what is at both.")
@click.option("--delete-src-after", is_flag=True, help="… when everything was copied.")
@click.option("--delete-dst", is_flag=True, help="Remove what is only at the destination.")
@click.option("--check-all", is_flag=True, help="Compare contents of what looks equal.")
@click.option("--check-new", is_flag=True, help="Read back what was copied.")
@click.option("--max-failure", type=int, default=-1, show_default=True)
@click.option("--dry", is_flag=True, help="Show what would be done.")
@click.option("-p", "--threads", type=click.IntRange(1, 256), default=10, show_default=True)
@click.option("--worker", default="1/1", show_default=True, metavar="N/COUNT",
              help="This is worker N of COUNT, each of which takes its share of the keys.")  # fmt: skip
@click.option("--bwlimit", type=RATE, default=0, help="Mbit/s.")
@click.option("--checkpoint/--no-checkpoint", "keep", default=True, show_default=True)
@click.option("--checkpoint-file", type=click.Path(path_type=Path))
@click.option("--checkpoint-interval", type=DURATION, default=10.0, show_default=True)
@click.option("--dst-passphrase-file", type=click.Path(exists=True, path_type=Path),
              help="Of an encrypted volume at DST, where it is another.")  # fmt: skip
@click.option("-v", "--verbose", is_flag=True, help="A line per object.")
@with_passphrase
def command(source: str, destination: str, **given: Any) -> int:
    """Make DST hold what SRC holds; only what is missing travels.

    SRC and DST are a directory, `dffs://NAME/PATH`, `META-URL#/PATH`, `s3://BUCKET/PREFIX` (gs, az) or
    `s3+http://KEY:SECRET@HOST:PORT/BUCKET/PREFIX`. Between volumes only blocks travel that the other
    does not have. A run that was interrupted goes on where it was.
    """
    if source.endswith("/") != destination.endswith("/"):
        raise BadInput("SRC and DST must both end with a slash")
    secret = passphrase(given["passphrase_file"])
    other = given["dst_passphrase_file"]
    left = open_address(source, VolumeOptions(passphrase=secret), links=given["links"])
    try:
        options = VolumeOptions(passphrase=passphrase(other) if other else secret)
        right = open_address(destination, options, links=given["links"])
        try:
            outcome = _run(left, right, given)
        finally:
            right.close()
    finally:
        left.close()
    _tell(outcome, dry=given["dry"])
    return 1 if outcome.failed else 0


def _run(left: Any, right: Any, given: dict[str, Any]) -> Outcome:
    rules = _rules(given)
    checkpoint = None
    if given["keep"] and not given["dry"]:
        name = fingerprint(left.label, right.label, _lasting(given))
        path = given["checkpoint_file"] or state_folder() / "sync" / f"{name}.json"
        checkpoint = Checkpoint(path, name)
        if checkpoint.resumed_after:
            click.echo(f"going on after {checkpoint.resumed_after}", err=True)
    with byte_bar("copying") as bar:
        runner: list[Runner] = []

        def tell(action: Action, told: str) -> None:
            if given["verbose"] or given["dry"]:
                click.echo(f"{told}: {action.item.key}")
            bar(runner[0].outcome.copied_bytes, 0)

        runner.append(
            Runner(left, right, rules, _options(given), checkpoint=checkpoint, on_action=tell)
        )
        return runner[0].run()


def _rules(given: dict[str, Any]) -> Rules:
    now_ns = time.time_ns()
    number, _, count = given["worker"].partition("/")
    if not number.isdigit() or not count.isdigit():
        raise BadInput(f"--worker {given['worker']}: written N/COUNT")
    return Rules(
        filter=Filter(_patterns(given), full_path=given["match_full_path"]),
        only=_only(given["files_from"]),
        start=given["start"],
        end=given["end"],
        min_size_bytes=given["min_size"],
        max_size_bytes=given["max_size"],
        newer_than_ns=_before(now_ns, given["max_age"]),
        older_than_ns=_before(now_ns, given["min_age"]),
        limit=given["limit"],
        update=given["update"],
        force_update=given["force_update"],
        existing=given["existing"],
        ignore_existing=given["ignore_existing"],
        directories=given["dirs"],
        links=given["links"],
        check_all=given["check_all"],
        delete_source=given["delete_src"] or given["delete_src_after"],
        delete_destination=given["delete_dst"],
        worker=int(number) - 1,
        workers=int(count),
    )


def _only(file: Path | None) -> frozenset[str] | None:
    if file is None:
        return None
    return frozenset(line.strip() for line in file.read_text().splitlines() if line.strip())


def _patterns(given: dict[str, Any]) -> list[Rule]:
    """The order of --include and --exclude decides; click keeps it only within each option."""
    rules, words = [], iter(sys.argv[1:])
    for word in words:
        for flag, include in (("--include", True), ("--exclude", False)):
            if word == flag:
                rules.append(Rule(include, next(words, "")))
            elif word.startswith(f"{flag}="):
                rules.append(Rule(include, word.partition("=")[2]))
    if sorted(rule.pattern for rule in rules) == sorted((*given["includes"], *given["excludes"])):
        return rules
    # Called as a function: includes come first.
    return [
        *(Rule(True, pattern) for pattern in given["includes"]),
        *(Rule(False, pattern) for pattern in given["excludes"]),
    ]


def _before(now_ns: int, age_s: float | None) -> int | None:
    return None if age_s is None else now_ns - int(age_s * 1e9)


def _options(given: dict[str, Any]) -> Options:
    return Options(
        threads=given["threads"],
        dry=given["dry"],
        write=WriteOptions(perms=given["perms"], inplace=given["inplace"]),
        check_new=given["check_new"],
        delete_source_after=given["delete_src_after"],
        bytes_per_s=float(given["bwlimit"]),
        max_failures=given["max_failure"],
        checkpoint_interval_s=given["checkpoint_interval"],
    )


# Options that change how fast it goes and what is shown, not what is done.
_PASSING = {"threads", "verbose", "bwlimit", "keep", "checkpoint_file", "checkpoint_interval"}
_PASSING |= {"max_failure", "passphrase_file", "dst_passphrase_file"}


def _lasting(given: dict[str, Any]) -> list[tuple[str, Any]]:
    return sorted((name, value) for name, value in given.items() if name not in _PASSING)


def _tell(outcome: Outcome, *, dry: bool) -> None:
    would = "would be " if dry else ""
    click.echo(
        f"{outcome.copied} {would}copied, {format_size(outcome.copied_bytes)};"
        f" {format_size(outcome.moved_bytes)} travelled; {outcome.deleted} {would}deleted;"
        f" {outcome.skipped} the same; {outcome.checked} compared; {outcome.failed} failed"
    )
    for line in outcome.errors[:20]:
        click.echo(f"failed: {line}", err=True)
