"""Jobs by REST, with nodes that are asked over gRPC."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from dfcore.errors import Denied, Unavailable
from manager.db.base import now
from manager.jobs import store
from tests.component.manager_jobs.bed import Bed, started

FILE = "https://127.0.0.1:1/model.bin"


@pytest.fixture
async def bed(tmp_path: Path) -> AsyncIterator[Bed]:
    async with started(tmp_path) as made:
        yield made


async def test_a_file_is_brought_to_one_seed_by_default(bed: Bed) -> None:
    job = await bed.client.over(await bed.client.preheat(type="file", url=FILE, tag="t"))
    assert (job["state"], job["phase"], job["progress"]["percent"]) == ("SUCCESS", "SUCCESS", 100)
    assert [len(node.asked) for node in bed.nodes] == [1, 0, 0]
    (asked,) = bed.nodes[0].asked
    assert (asked.url, asked.tag, asked.need_piece_content) == (FILE, "t", False)
    (result,) = job["result"]["job_states"][0]["results"]
    assert result["success_tasks"] == [{"url": FILE, "hostname": "seed-0", "ip": "127.0.0.1"}]


async def test_all_peers_get_all_files_and_each_step_is_told(bed: Bed) -> None:
    number = await bed.client.preheat(url=FILE, urls=[FILE + "2"], scope="all_peers")
    job = await bed.client.over(number)
    assert job["progress"]["done_steps"] == 6
    assert all(len(node.held) == 2 for node in bed.nodes)
    steps = await bed.client.ask("GET", f"/api/v1/jobs/{number}/steps", per_page=100)
    assert {(s["file"], s["hostname"], s["state"]) for s in steps} == {
        (f"model.bin{end}", node.name, "done") for end in ("", "2") for node in bed.nodes
    }
    hosts = await bed.client.ask("GET", f"/api/v1/jobs/{number}/hosts")
    assert [(h["hostname"], h["done_steps"], h["steps"]) for h in hosts] == [
        ("seed-0", 2, 2),
        ("node-0", 2, 2),
        ("node-1", 2, 2),
    ]


async def test_a_state_that_harbor_knows_is_told_while_it_runs(bed: Bed) -> None:
    bed.nodes[0].gate.clear()
    number = await bed.client.preheat(url=FILE)
    job = await bed.client.until(
        f"/oapi/v1/jobs/{number}", lambda found: found["progress"]["done_bytes"] > 0
    )
    assert (job["state"], job["phase"], job["progress"]["percent"]) == ("PENDING", "STARTED", 50)
    bed.nodes[0].gate.set()
    assert (await bed.client.over(number))["state"] == "SUCCESS"


async def test_what_may_pass_is_tried_again(bed: Bed) -> None:
    bed.nodes[0].failures = [Unavailable("busy", retry_after_s=0.01)]
    number = await bed.client.preheat(url=FILE)
    assert (await bed.client.over(number))["state"] == "SUCCESS"
    (step,) = await bed.client.ask("GET", f"/api/v1/jobs/{number}/steps")
    assert (step["attempts"], step["error"]) == (2, "")


async def test_a_failure_names_the_host_and_retry_does_only_what_failed(bed: Bed) -> None:
    bed.nodes[1].failures = [Denied("not for this node")]
    number = await bed.client.preheat(url=FILE, scope="all_peers")
    job = await bed.client.over(number)
    assert job["state"] == "FAILURE"
    assert "not for this node" in job["error"]
    (failed,) = job["result"]["job_states"][0]["results"][0]["failure_tasks"]
    assert failed["hostname"] == "node-0"
    await bed.client.ask("POST", f"/api/v1/jobs/{number}/retry")
    assert (await bed.client.over(number))["state"] == "SUCCESS"
    assert [len(node.asked) for node in bed.nodes] == [1, 2, 1]


async def test_a_job_under_way_is_called_off(bed: Bed) -> None:
    bed.nodes[0].gate.clear()
    number = await bed.client.preheat(url=FILE)
    await bed.client.until(f"/api/v1/jobs/{number}", lambda _: bool(bed.nodes[0].asked))
    await bed.client.ask("POST", f"/api/v1/jobs/{number}/cancel")
    job = await bed.client.over(number)
    assert (job["phase"], job["state"]) == ("CANCELLED", "FAILURE")
    (step,) = await bed.client.ask("GET", f"/api/v1/jobs/{number}/steps")
    assert step["state"] == "cancelled"
    assert not bed.nodes[0].held
    await bed.client.ask("POST", f"/api/v1/jobs/{number}/cancel", status=400)
    await bed.client.ask("DELETE", f"/api/v1/jobs/{number}")
    await bed.client.ask("GET", f"/api/v1/jobs/{number}", status=404)


async def test_time_is_up(bed: Bed) -> None:
    bed.nodes[0].gate.clear()
    job = await bed.client.over(await bed.client.preheat(url=FILE, timeout="200ms"))
    assert job["state"] == "FAILURE"
    bed.nodes[0].gate.set()


async def test_a_job_of_later_waits_and_can_be_called_off(bed: Bed) -> None:
    wish = {"type": "preheat", "args": {"url": FILE}, "at": "2100-01-01T00:00:00Z"}
    made = await bed.client.ask("POST", "/api/v1/jobs", wish)
    assert made["due_at"].startswith("2100-01-01")
    job = await bed.client.ask("POST", f"/api/v1/jobs/{made['id']}/cancel")
    assert job["phase"] == "CANCELLED"
    assert not bed.nodes[0].asked


async def test_credentials_are_used_and_never_shown(bed: Bed) -> None:
    url = "https://127.0.0.1:1/x?X-Amz-Signature=TOPSECRET"
    number = await bed.client.preheat(url=url, headers={"Authorization": "Bearer HIDDEN-ONE"})
    job = await bed.client.over(number)
    assert job["state"] == "SUCCESS"
    (asked,) = bed.nodes[0].asked
    assert asked.url == url
    assert asked.request_header["Authorization"] == "Bearer HIDDEN-ONE"
    steps = await bed.client.ask("GET", f"/api/v1/jobs/{number}/steps")
    assert "HIDDEN-ONE" not in str((job, steps))
    assert "TOPSECRET" not in str((job, steps))
    raw = Path(str(bed.app.core.database.url.database))
    stored = b"".join(path.read_bytes() for path in raw.parent.glob(f"{raw.name}*"))
    assert b"HIDDEN-ONE" not in stored
    assert b"TOPSECRET" not in stored


async def test_a_named_secret_opens_the_origin(bed: Bed) -> None:
    wish = {"type": "preheat", "args": {"url": FILE, "secret": "hub"}}
    await bed.client.ask("POST", "/api/v1/jobs", wish, status=404)
    await bed.client.ask("PUT", "/api/v1/secrets/hub", {"secret": "hf_SECRET"})
    answer = await bed.client.ask("POST", "/api/v1/jobs", wish, status=403)
    assert "not for 127.0.0.1" in answer["message"]  # it would follow to any origin
    for_it = {"secret": "hf_SECRET", "hosts": ["127.0.0.*"]}
    await bed.client.ask("PUT", "/api/v1/secrets/hub", for_it)
    (listed,) = await bed.client.ask("GET", "/api/v1/secrets")
    assert listed["name"] == "hub"
    assert "hf_SECRET" not in str(listed)
    await bed.client.over(await bed.client.preheat(url=FILE, secret="hub"))
    assert bed.nodes[0].asked[0].request_header["Authorization"] == "Bearer hf_SECRET"
    await bed.client.ask("DELETE", "/api/v1/secrets/hub")
    await bed.client.ask("DELETE", "/api/v1/secrets/hub", status=404)


async def test_guests_look_and_do_not_touch(bed: Bed) -> None:
    number = await bed.client.preheat(url=FILE)
    await bed.client.over(number)
    await bed.guest.ask("GET", f"/api/v1/jobs/{number}")
    for method, path in (
        ("POST", "/api/v1/jobs"),
        ("POST", f"/api/v1/jobs/{number}/cancel"),
        ("DELETE", f"/api/v1/jobs/{number}"),
        ("GET", "/api/v1/secrets"),
    ):
        await bed.guest.ask(method, path, {"type": "preheat"}, status=403)


async def test_bad_orders_are_refused_with_the_key(bed: Bed) -> None:
    for wish, status, word in (
        ({"type": "preheat", "args": {}}, 400, "args.url"),
        ({"type": "dance"}, 400, "type"),
        ({"type": "preheat", "args": {"url": "http://169.254.169.254/x"}}, 403, "inner network"),
        ({"type": "preheat", "args": {"url": FILE}, "cron": "x"}, 400, "cron"),
        ({"type": "get_task", "args": {"task_id": "zz"}}, 400, "task_id"),
        ({"type": 7}, 422, "type"),
    ):
        answer = await bed.client.ask("POST", "/api/v1/jobs", wish, status=status)
        assert word in answer["message"]


async def test_tasks_are_told_of_and_dropped_everywhere(bed: Bed) -> None:
    await bed.client.over(await bed.client.preheat(url=FILE, scope="all_peers"))
    (task_id,) = bed.nodes[0].held
    answers = {}
    for kind in ("get_task", "delete_task"):
        wish = {"type": kind, "args": {"task_id": task_id}}
        made = await bed.client.ask("POST", "/api/v1/jobs", wish)
        answers[kind] = (await bed.client.over(made["id"]))["result"]["job_states"][0]
    assert len(answers["get_task"]["results"][0]["peers"]) == 3
    assert len(answers["delete_task"]["results"][0]["success_tasks"]) == 3
    assert not any(node.held for node in bed.nodes)


async def test_hosts_are_taken_in_and_records_cleared(bed: Bed) -> None:
    made = await bed.client.ask("POST", "/api/v1/jobs", {"type": "sync_peers"})
    assert (await bed.client.over(made["id"]))["result"]["peers"] == 2
    for kind in ("job", "audit"):
        wish = {"type": "gc", "args": {"type": kind}}
        made = await bed.client.ask("POST", "/api/v1/jobs", wish)
        assert (await bed.client.over(made["id"]))["result"]["removed"] == 0


async def test_harbors_preheat_works_unchanged(bed: Bed) -> None:
    args = {
        "type": "file",
        "url": FILE,
        "tag": "",
        "filtered_query_params": "",
        "headers": {"Authorization": "Bearer of-harbor"},
        "scope": "single_peer",
        "concurrent_count": 0,
        "timeout": 0,
    }
    wish = {"type": "preheat", "args": args, "scheduler_cluster_ids": None}
    made = await bed.client.ask("POST", "/oapi/v1/jobs", wish)
    assert (made["state"], made["id"] > 0) == ("PENDING", True)
    job = await bed.client.until(
        f"/oapi/v1/jobs/{made['id']}", lambda found: found["state"] != "PENDING"
    )
    assert job["state"] == "SUCCESS"
    (done,) = job["result"]["job_states"][0]["results"][0]["success_tasks"]
    assert set(done) == {"url", "hostname", "ip"}


async def test_a_schedule_makes_each_of_its_jobs_once(bed: Bed) -> None:
    wish = {"type": "preheat", "args": {"url": FILE}, "cron": "0 3 * * *", "bio": "nightly"}
    made = await bed.client.ask("POST", "/api/v1/jobs", wish)
    database = bed.app.core.database

    def let_it_be_due(session: Session) -> None:
        store.get(session, made["id"]).due_at = now() - timedelta(days=3)

    await database.run(let_it_be_due)
    await asyncio.gather(*(database.run(store.fire_schedules) for _ in range(4)))
    (job,) = await bed.client.until(
        f"/api/v1/jobs?schedule_id={made['id']}", lambda jobs: jobs[0]["phase"] == "SUCCESS"
    )
    assert job["bio"] == "nightly"
    schedule = await bed.client.ask("GET", f"/api/v1/jobs/{made['id']}")
    assert schedule["phase"] == "SCHEDULED"
    assert schedule["due_at"] > now().isoformat()
    await bed.client.ask("POST", f"/api/v1/jobs/{made['id']}/cancel")
    await bed.client.ask("DELETE", f"/api/v1/jobs/{made['id']}")
