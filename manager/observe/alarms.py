"""What a person should look at, from what is known. Pure: the same state gives the same alarms."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from manager.observe.model import FULL_SHARE, Host, Note, Target

RECENT_S = 900.0
_NOTE_ALARMS = {
    "origin-unasked": ("warning", "went to the origin unasked"),
    "origin-granted": ("notice", "went to the origin for want of a seed"),
    "feeder-lost": ("notice", "lost the one that fed it"),
    "host-expired": ("warning", "fell silent"),
}


@dataclass(frozen=True, slots=True)
class Alarm:
    """`severity` is critical, warning or notice; `link` is a path of the console."""

    severity: str
    kind: str
    title: str
    text: str
    link: str = ""
    at: float = 0.0


_ORDER = {"critical": 0, "warning": 1, "notice": 2}


def find_alarms(
    *,
    silent: Iterable[tuple[str, str]],
    gone: Iterable[Target] = (),
    of_hosts: Iterable[Alarm],
    notes: Iterable[Note],
    now: float,
) -> list[Alarm]:
    """`silent` are schedulers that do not answer, with what was said; `gone` those (and seeds) that
    went away of late. Worst first."""
    alarms = [
        Alarm("critical", "scheduler", f"Scheduler {name} does not answer", why, "/clusters")
        for name, why in silent
    ]
    alarms += [_of_gone(target) for target in gone]
    alarms += of_hosts
    alarms += _of_notes([note for note in notes if note.at >= now - RECENT_S])
    return sorted(alarms, key=lambda alarm: _ORDER[alarm.severity])


def _of_gone(target: Target) -> Alarm:
    severity = "critical" if target.kind == "scheduler" else "warning"
    title = f"{target.kind.capitalize()} {target.name} went away"
    text = f"{target.address} of {target.cluster or 'no cluster'} gives no sign of life."
    link = f"/clusters/{target.cluster_id}" if target.cluster_id else "/clusters"
    return Alarm(severity, f"{target.kind}-gone", title, text, link, target.gone_at)


def host_alarms(hosts: list[Host]) -> list[Alarm]:
    """What is wrong with hosts; it stays so until they are heard of again."""
    alarms = []
    if hosts and not any(host.seed for host in hosts):
        text = "Every new blob is fetched by a node itself."
        alarms.append(Alarm("warning", "no-seed", "No seed peer is there", text, "/hosts"))
    bad = [host for host in hosts if host.quarantined]
    if bad:
        text = f"Bytes from {_names(bad)} did not verify; nobody takes from there for now."
        title = _counted(len(bad), "host is", "hosts are") + " in quarantine"
        alarms.append(Alarm("critical", "quarantine", title, text, "/hosts?state=quarantined"))
    full = [host for host in hosts if host.disk_share >= FULL_SHARE and not host.quarantined]
    if full:
        title = _counted(len(full), "disk is", "disks are") + " full"
        text = f"{_names(full)}: above {FULL_SHARE:.0%}."
        alarms.append(Alarm("warning", "disk", title, text, "/hosts?state=full"))
    return alarms


def _of_notes(notes: list[Note]) -> list[Alarm]:
    alarms = []
    for kind, (severity, what) in _NOTE_ALARMS.items():
        of_kind = [note for note in notes if note.kind == kind]
        if not of_kind:
            continue
        last = of_kind[-1]
        by_task = kind == "feeder-lost"
        who = {note.task_id if by_task else note.host_id for note in of_kind}
        subject = _counted(len(who), "task", "tasks") if by_task else _counted(len(who), "host")
        link = f"/tasks/{last.task_id}" if last.task_id else "/hosts"
        text = f"Last {last.host_id or last.task_id[:12]}: {last.text}."
        alarms.append(Alarm(severity, kind, f"{subject} {what}", text, link, last.at))
    return alarms


def _counted(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _names(hosts: list[Host]) -> str:
    names = ", ".join(host.hostname for host in hosts[:3])
    return names if len(hosts) <= 3 else f"{names} and {len(hosts) - 3:,} more"
