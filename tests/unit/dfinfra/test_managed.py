"""What nodes make of what a manager settles."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dfinfra.managed import BlockList, NodeSettings, Priorities, RateLimits, stricter
from dfinfra.managerlink_config import ManagerSection
from dfinfra.pb import manager_pb2 as pb
from dfinfra.pb import managerlink_pb2 as link


def _told(seed: Any = None, **client: Any) -> link.Configuration:
    told = link.Configuration()
    told.cluster.client_config = json.dumps(client).encode()
    told.seed_peer_cluster.config = json.dumps(seed or {}).encode()
    return told


def test_limits_are_read_and_what_makes_no_sense_is_left_out() -> None:
    settings = {"download_rate_limit": 5, "upload_rate_limit": 0, "task_rate_limit": "many"}
    assert RateLimits.of(settings) == RateLimits(download=5)


@pytest.mark.parametrize(
    ("own", "managed", "holds"),
    [(None, None, None), (5.0, None, 5.0), (None, 7, 7), (5.0, 7, 5.0), (9.0, 7, 7), (0.0, 7, 7)],
)
def test_the_stricter_limit_holds(own: float | None, managed: int | None, holds: float) -> None:
    assert stricter(own, managed) == holds


def test_one_match_is_enough_to_be_refused() -> None:
    download = {
        "applications": ["crawler"],
        "tags": ["old"],
        "priorities": [2],
        "urls": ["/private/", "("],
    }
    blocked = BlockList.of({"block_list": {"task": {"download": download}}})
    asked: dict[str, Any] = {"application": "", "tag": "", "url": "https://x/y", "priority": 6}
    assert blocked.why(**asked) is None
    for name, value in (
        ("application", "crawler"),
        ("tag", "old"),
        ("priority", 2),
        ("url", "https://x/private/y"),
    ):
        assert blocked.why(**{**asked, name: value}) is not None


@pytest.mark.parametrize("raw", [b"", b"no json", b"[1]", b'{"block_list": 5}'])
def test_settings_that_cannot_be_read_refuse_nothing(raw: bytes) -> None:
    told = link.Configuration()
    told.cluster.client_config = raw
    assert NodeSettings.of(told, seed=False) == NodeSettings(priorities=Priorities({}))


def test_seeds_have_settings_of_their_own() -> None:
    told = _told({"upload_rate_limit": 9}, upload_rate_limit=1)
    assert NodeSettings.of(told, seed=True).limits.upload == 9
    assert NodeSettings.of(told, seed=False).limits.upload == 1


def test_priorities_go_by_the_first_url_that_matches() -> None:
    told = link.Configuration()
    application = told.applications.add(name="training")
    application.priority.value = pb.ApplicationPriority(value=3).value
    application.priority.urls.add(regex="llama", value=5)
    priorities = Priorities.of(told)
    assert priorities.of_download("training", "https://x/llama") == 5
    assert priorities.of_download("training", "https://x/bert") == 3
    assert priorities.of_download("unknown", "https://x/llama") == 0


def test_only_schedulers_of_the_best_cluster_are_asked() -> None:
    told = link.Configuration()
    for name, cluster, ip in (("a", 2, "10.0.0.2"), ("b", 1, "10.0.0.1"), ("c", 2, "fd00::1")):
        told.schedulers.add(hostname=name, scheduler_cluster_id=cluster, ip=ip, port=8002)
    settings = NodeSettings.of(told, seed=False)
    assert settings.schedulers == ("10.0.0.2:8002", "[fd00::1]:8002")
    assert settings.scheduler_names == {"10.0.0.2:8002": "a", "[fd00::1]:8002": "c"}


def test_names_of_schedulers_are_in_the_order_of_registration() -> None:
    told = link.Configuration()
    for number, ip in ((7, "10.0.0.1"), (2, "10.0.0.2"), (5, "10.0.0.3")):
        told.schedulers.add(id=number, hostname="same", ip=ip, port=8002)
    settings = NodeSettings.of(told, seed=False)
    assert list(settings.scheduler_names) == ["10.0.0.2:8002", "10.0.0.3:8002", "10.0.0.1:8002"]


@pytest.mark.parametrize(
    ("given", "target"),
    [
        ("m", "m:65003"),
        ("m:1", "m:1"),
        ("http://m:65003", "m:65003"),
        ("10.0.0.1", "10.0.0.1:65003"),
        ("[fd00::1]", "[fd00::1]:65003"),
        ("[fd00::1]:7", "[fd00::1]:7"),
    ],
)
def test_addresses_of_managers(given: str, target: str) -> None:
    assert ManagerSection(addr=given).targets == (target,)
