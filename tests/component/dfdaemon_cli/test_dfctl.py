"""dfctl as a process, against a daemon's socket and a scheduler."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dfinfra.pb import dfdaemon_pb2 as pb
from tests.component.dfdaemon_cli.fakes import (
    OTHER_TASK,
    TASK,
    FakeDaemon,
    FakeExtension,
    command,
)


@pytest.fixture
def holding(daemon: FakeDaemon) -> FakeDaemon:
    """A daemon that holds two tasks."""
    for number, task_id in enumerate((TASK, OTHER_TASK)):
        task = pb.StatLocalTaskResponse(task_id=task_id, content_length=3 << 20)
        task.created_at.FromSeconds(1_700_000_000)
        task.updated_at.FromSeconds(1_700_000_100 - number)
        task.response_header.update({"x-meganeura-url": "http://o/x", "ETag": '"e"'})
        daemon.tasks[task_id] = task
    daemon.tasks[TASK].finished_at.FromSeconds(1_700_000_100)
    return daemon


async def test_tasks_of_the_node(holding: FakeDaemon, socket_path: Path) -> None:
    listed = await command("dfctl", "task", "ls", "--endpoint", socket_path)
    head, *lines = listed.out.splitlines()
    assert head.split() == ["TASK", "SIZE", "STATE", "USED", "URL"]
    assert [line.split()[:3] for line in lines] == [
        [OTHER_TASK[:16], "3MiB", "partial"],
        [TASK[:16], "3MiB", "complete"],
    ]
    stat = await command("dfctl", "task", "stat", TASK[:4], "--json", "--endpoint", socket_path)
    told = json.loads(stat.out)
    assert told["task_id"] == TASK
    assert told["used_at"] == "2023-11-14T22:15:00Z"
    assert told["response_headers"] == {"ETag": '"e"'}


async def test_tasks_are_removed_here_or_everywhere(holding: FakeDaemon, socket_path: Path) -> None:
    env = {"DFCTL_ENDPOINT": str(socket_path)}
    assert (await command("dfctl", "task", "rm", TASK[:8], env=env)).out == f"{TASK}\n"
    gone = "b3" * 32
    await command("dfctl", "task", "rm", "--everywhere", OTHER_TASK[:8], gone, env=env)
    assert holding.deleted == [f"here {TASK}", f"everywhere {OTHER_TASK}", f"everywhere {gone}"]
    failed = await command("dfctl", "task", "rm", gone, env=env)
    assert (failed.code, failed.err) == (
        1,
        f"dfctl: dfdaemon: this host does not hold task {gone}\n",
    )
    unclear = await command("dfctl", "task", "stat", "a1a1a1a1a1" + "0" * 4, env=env)
    assert (unclear.code, "no task that begins" in unclear.err) == (1, True)


async def test_the_scheduler_knows_of_a_task(daemon: FakeDaemon, socket_path: Path) -> None:
    args = ("task", "stat", TASK, "--everywhere", "--endpoint", socket_path)
    told = await command("dfctl", *args)
    assert ["peers", "3"] in [line.split() for line in told.out.splitlines()]


async def test_hosts_and_peers(scheduler: str, extension: FakeExtension) -> None:
    hosts = json.loads(
        (await command("dfctl", "host", "ls", "--json", "--scheduler", scheduler)).out
    )
    assert [(host["host_id"], host["type"]) for host in hosts] == [
        ("10.0.0.1-s-seed", "seed"),
        ("10.0.0.2-n", "node"),
    ]
    seeds = await command("dfctl", "host", "ls", "--seeds", "--scheduler", scheduler)
    assert len(seeds.out.splitlines()) == 2
    env = {"DFCTL_SCHEDULER": scheduler}
    peers = await command("dfctl", "peer", "ls", "--task", TASK, env=env)
    assert [line.split()[1] for line in peers.out.splitlines()[1:]] == ["h2", "h1"]
    assert extension.asked[0].task_id == TASK
    tasks = await command("dfctl", "task", "ls", "--everywhere", "--json", env=env)
    assert json.loads(tasks.out)[0]["peers"] == 2


async def test_the_schedulers_of_the_configuration_are_asked(
    scheduler: str, tmp_path: Path
) -> None:
    config = tmp_path / "dfdaemon.yaml"
    config.write_text(f"scheduler:\n  addrs: ['{scheduler}', '127.0.0.1:1']\n")
    told = await command("dfctl", "host", "ls", "--config", config)
    assert told.code == 1
    assert told.err == "dfctl: no scheduler answers at 127.0.0.1:1; --scheduler names another\n"
    config.write_text("schedular: {}\n")
    bad = await command("dfctl", "peer", "ls", "--config", config)
    assert (bad.code, "scheduler" in bad.err) == (2, True)
