"""What a scheduler makes of what a manager settles."""

from __future__ import annotations

from random import Random

import pytest

from dfinfra.pb import managerlink_pb2 as link
from scheduler import events as ev
from scheduler.config import SchedulerConfig
from scheduler.core import Core
from scheduler.managed import Managed, merged
from scheduler.policy import Policy


def test_the_clusters_limits_replace_the_schedulers_own() -> None:
    policy = merged(
        Policy(),
        {"candidate_parent_limit": 7, "filter_parent_limit": 70, "origin_hosts_per_task": 3},
        {"load_limit": 11},
        {"load_limit": 12},
    )
    assert (policy.plain.candidate_parent_limit, policy.plain.filter_parent_limit) == (7, 70)
    assert policy.origin.max_hosts_per_task == 3
    assert (policy.upload.peer_limit, policy.upload.seed_limit) == (11, 12)


def test_what_is_not_settled_stays() -> None:
    assert merged(Policy(), {}, {"load_limit": "many"}, {}) == Policy()


def test_limits_that_contradict_are_refused_as_a_whole() -> None:
    with pytest.raises(ValueError, match="candidateParentLimit"):
        merged(Policy(), {"candidate_parent_limit": 20, "filter_parent_limit": 10}, {}, {})


def test_a_registration_without_a_priority_gets_its_applications() -> None:
    core = Core(Policy(), Random(1))
    managed = Managed(SchedulerConfig(), core)
    told = link.Configuration()
    application = told.applications.add(name="training")
    application.priority.value = 3  # type: ignore[assignment]
    managed.adopt(told)
    silent = ev.PeerRegistered("h", "t", "p", ev.Wish(application="training"))
    assert managed.prioritized(silent).wish.priority == 3
    said = ev.PeerRegistered("h", "t", "p", ev.Wish(application="training", priority=5))
    assert managed.prioritized(said).wish.priority == 5
