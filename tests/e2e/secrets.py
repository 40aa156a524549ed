"""The secrets of these tests, and the proof that no daemon has let one out.

Called by conftest after each module: logs, output, configuration-independent state on disk, metrics
and what the schedulers tell of their tasks are searched.
"""

from __future__ import annotations

import base64
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import grpc

from dfinfra.pb import meganeura_pb2, meganeura_pb2_grpc, scheduler_pb2, scheduler_pb2_grpc
from tests.swarm.swarm import Scheduler, Swarm

# The reader's token does not look like one of the Hub's: it must not depend on how it looks.
READER = "opaque-Reader-0123456789-abcdefghij"
STRANGER = "hf_StrangerStrangerStrangerStrang"
WRONG = "hf_WrongWrongWrongWrongWrongWrong"
PASSWORD = "the-proxy-password-of-the-tests"
COOKIE = "cookie-of-the-tests-98765"

_TOKENS = (READER, STRANGER, WRONG, PASSWORD, COOKIE)
_USERS = ("reader", "stranger", "user")
# Contents are the origin's; what is small enough may be an index or a log.
_MOST_BYTES = 16 << 20
# Signatures of the CDN's links are rights, too.
_SIGNATURE = re.compile(rb"[?&;](?:Signature|Policy|X-Amz-Signature)=[A-Za-z0-9_~%-]{8,}")


def leaks(swarm: Swarm) -> list[str]:
    """Where a secret is found that should not be: empty if all is well."""
    found = []
    for name, data in _written(swarm.folder):
        found += [f"{name}: {what}" for what in _secrets_in(data)]
    for daemon in swarm.members:
        if daemon.running and (url := getattr(daemon, "admin_url", None)):
            data = _get(f"{url}/metrics")
            found += [f"{daemon.name} metrics: {what}" for what in _secrets_in(data)]
    for scheduler in swarm.schedulers:
        if scheduler.running:
            found += [f"{scheduler.name} state: {s}" for s in _secrets_in(_state(scheduler))]
    return found


def _secrets_in(data: bytes) -> Iterator[str]:
    for token in _TOKENS:
        basic = (base64.b64encode(f"{user}:{token}".encode()) for user in _USERS)
        if any(form in data for form in (token.encode(), *basic)):
            yield f"{token[:6]}…"
    if match := _SIGNATURE.search(data):
        yield match[0].decode("ascii", "replace")[:40]


def _written(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file that a daemon wrote, blobs and their index included."""
    for path in sorted(folder.rglob("*")):
        if path.name == "config.yaml" or path.suffix == ".key" or not path.is_file():
            continue
        if path.stat().st_size <= _MOST_BYTES:
            yield str(path.relative_to(folder)), path.read_bytes()


def _get(url: str) -> bytes:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=10) as answer:
        data: bytes = answer.read()
    return data


def _state(scheduler: Scheduler) -> bytes:
    """What the scheduler tells of every host, peer and task it knows."""
    with grpc.insecure_channel(scheduler.address) as channel:
        own = meganeura_pb2_grpc.SchedulerExtensionStub(channel)
        plain = scheduler_pb2_grpc.SchedulerStub(channel)
        tasks = own.ListTasks(meganeura_pb2.ListTasksRequest(limit=10_000)).tasks
        told = [
            own.ListPeers(meganeura_pb2.ListPeersRequest(limit=10_000)),
            plain.ListHosts(scheduler_pb2.ListHostsRequest()),
            *tasks,
        ]
        for task in tasks[:200]:
            asked = scheduler_pb2.StatTaskRequest(task_id=task.task_id)
            told.append(plain.StatTask(asked))
    return b"\n".join(message.SerializeToString() for message in told)
