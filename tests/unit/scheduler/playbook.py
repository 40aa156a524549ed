"""A script for the scheduler's core: events in, commands out, invariants after every step."""

from __future__ import annotations

from random import Random

from scheduler import commands as do
from scheduler import events as ev
from scheduler.core import Core
from scheduler.policy import OriginPolicy, Policy

TASK = "f" * 64
SETTLED = Policy(origin=OriginPolicy(settle_s=0))


class Playbook:
    """Drives one core on a virtual clock. Notes are kept apart from what goes to peers."""

    def __init__(self, policy: Policy | None = None, seed: int = 1) -> None:
        self.core = Core(policy or SETTLED, Random(seed))
        self.now = 0.0
        self.notes: list[do.Command] = []

    def send(self, event: ev.Event) -> list[do.Command]:
        commands = self.core.handle(event, self.now)
        self.core.validate()
        notes = (do.NoteOrigin, do.NoteQuarantine, do.NoteHostExpired, do.NoteFeederLost)
        self.notes += [command for command in commands if isinstance(command, notes)]
        return [command for command in commands if not isinstance(command, notes)]

    def wait(self, seconds: float) -> list[do.Command]:
        """Let time pass, tick by tick as the core asks for it."""
        until = self.now + seconds
        said: list[do.Command] = []
        while (due := self.core.next_deadline) is not None and due <= until:
            self.now = max(self.now, due)
            said += self.send(ev.Ticked())
        self.now = until
        return said

    def host(self, name: str, *, interval_s: float = 3600.0, **about: object) -> str:
        self.send(ev.HostAnnounced(ev.HostInfo(name, **about), interval_s))  # type: ignore[arg-type]
        return name

    def seed(self, name: str = "seed", **about: object) -> str:
        return self.host(name, seed=True, **about)

    def register(self, host: str, task: str = TASK, **wish: object) -> list[do.Command]:
        """Peer `<host>/p` of the host wants the task."""
        url = "https://example.com/blob"
        return self.send(
            ev.PeerRegistered(host, task, f"{host}/p", ev.Wish(url, **wish))  # type: ignore[arg-type]
        )

    def join(self, host: str, **wish: object) -> list[do.Command]:
        """A new own host whose peer registers."""
        self.host(host)
        return self.register(host, **wish)

    def progress(self, host: str, length_bytes: int = 100, parent: str = "") -> list[do.Command]:
        return self.send(ev.PieceFinished(f"{host}/p", length_bytes, 0.1, parent))

    def finish(self, host: str, *, back_to_source: bool = False) -> list[do.Command]:
        return self.send(ev.PeerFinished(f"{host}/p", back_to_source))

    def begin_at_origin(self, host: str) -> list[do.Command]:
        return self.send(ev.PeerStarted(f"{host}/p", back_to_source=True))

    def notes_of(self, kind: type[do.Command]) -> list[do.Command]:
        return [note for note in self.notes if isinstance(note, kind)]


def offered(commands: list[do.Command], host: str) -> list[str]:
    """Host ids of the parents that the host's peer was offered in these commands."""
    return [
        parent.host_id
        for command in commands
        if isinstance(command, do.Offer) and command.peer_id == f"{host}/p"
        for parent in command.parents
    ]


def granted(commands: list[do.Command]) -> list[str]:
    """Peer ids that may go to the origin."""
    return [command.peer_id for command in commands if isinstance(command, do.GrantOrigin)]
