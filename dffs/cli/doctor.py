"""``dffs doctor``: why is this mount, or this load, slow."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import click
from rich.console import Console
from rich.text import Text

from dffs.control.places import locate
from dffs.doctor.gather import Gatherer
from dffs.doctor.judge import Finding, Level, judge

_STYLES = {Level.BAD: "bold red", Level.SLOW: "yellow", Level.HINT: "cyan", Level.GOOD: "green"}


@click.command("doctor")
@click.argument("path", type=click.Path(path_type=Path), metavar="PATH")
@click.option("--pid", type=int, help="A process that loads a model: look at its page faults.")
@click.option("--seconds", type=click.FloatRange(0.1), default=2.0, show_default=True)
@click.option("--json", "as_json", is_flag=True)
def command(path: Path, pid: int | None, seconds: float, as_json: bool) -> int:
    """Look at the mount that PATH lies on, and at what of PATH is on this node.

    Exit code 1 if something was found that makes it slow.
    """
    facts = Gatherer(locate(path)).facts(pid, seconds)
    findings = judge(facts)
    if as_json:
        told = {"facts": dataclasses.asdict(facts), "findings": [_told(one) for one in findings]}
        click.echo(json.dumps(told, indent=2, default=str))
    else:
        _show(findings)
    return 1 if any(one.level in (Level.BAD, Level.SLOW) for one in findings) else 0


def _told(finding: Finding) -> dict[str, str]:
    return {
        "level": finding.level.value,
        "subject": finding.subject,
        "what": finding.what,
        "remedy": finding.remedy,
    }


def _show(findings: list[Finding]) -> None:
    console = Console(highlight=False)
    for one in findings:
        console.print(
            Text.assemble(
                (f"{one.level.value:5}", _STYLES[one.level]), f" {one.subject}: {one.what}"
            )
        )
        if one.remedy:
            console.print(f"      → {one.remedy}", style="dim")
