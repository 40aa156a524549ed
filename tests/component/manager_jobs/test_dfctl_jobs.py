"""``dfctl job`` and ``dfctl secret`` against a manager."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dfcore.errors import Denied
from tests.component.manager_jobs.bed import Bed, started
from tests.component.manager_jobs.command import dfctl

FILE = "https://127.0.0.1:1/model.bin"


@pytest.fixture
async def bed(tmp_path: Path) -> AsyncIterator[Bed]:
    async with started(tmp_path) as made:
        yield made


async def test_a_job_is_ordered_watched_listed_and_forgotten(bed: Bed) -> None:
    code, text = await dfctl(
        bed,
        "job",
        "preheat",
        FILE,
        "--scope",
        "all",
        "--header",
        "X: y",
        "--note",
        "for Monday",
        "--json",
    )
    assert code == 0, text
    job = json.loads(text)
    assert (job["phase"], job["bio"], job["progress"]["done_steps"]) == ("SUCCESS", "for Monday", 3)
    assert all(node.asked[0].request_header["X"] == "y" for node in bed.nodes)
    code, text = await dfctl(bed, "job", "ls")
    assert FILE in text
    assert "SUCCESS" in text
    code, text = await dfctl(bed, "job", "steps", str(job["id"]))
    assert text.count("done") == 3
    assert (await dfctl(bed, "job", "rm", str(job["id"])))[0] == 0
    code, text = await dfctl(bed, "job", "show", str(job["id"]))
    assert (code, text.strip()) == (1, f"dfctl: there is no job {job['id']}")


async def test_a_failed_job_is_exit_code_1_and_can_be_done_again(bed: Bed) -> None:
    bed.nodes[0].failures = [Denied("not today")]
    code, text = await dfctl(bed, "job", "preheat", FILE)
    assert code == 1
    assert "not today" in text
    code, text = await dfctl(bed, "job", "retry", "1")
    assert code == 0, text


async def test_schedules_are_made_and_called_off(bed: Bed) -> None:
    code, text = await dfctl(bed, "job", "preheat", FILE, "--cron", "30 6 * * 1-5", "--json")
    assert json.loads(text)["phase"] == "SCHEDULED"
    assert (await dfctl(bed, "job", "cancel", "1"))[0] == 0
    code, text = await dfctl(bed, "job", "preheat", FILE, "--cron", "never")
    assert (code, "cron" in text) == (2, True)


async def test_secrets_are_read_from_stdin(bed: Bed) -> None:
    assert (await dfctl(bed, "secret", "set", "hub", stdin="hf_X\n"))[0] == 0
    _, text = await dfctl(bed, "secret", "ls")
    assert "hub" in text
    assert "hf_X" not in text
    assert (await dfctl(bed, "secret", "rm", "hub"))[0] == 0


async def test_without_a_token_or_a_manager_one_line_says_what_to_do(bed: Bed) -> None:
    code, text = await dfctl(bed, "job", "ls", token="")
    assert (code, "DFCTL_TOKEN" in text) == (1, True)
    code, text = await dfctl(bed, "job", "ls", "--manager", "http://127.0.0.1:9")
    assert (code, "no manager answers" in text, len(text.splitlines())) == (1, True, 1)
