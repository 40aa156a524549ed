from __future__ import annotations

import pytest

from dfcore.errors import BadInput, NotFound
from manager.jobs.hosts import HostChoice, JobHost, Scope, check_choice, choose

SEEDS = [JobHost(f"seed-{i}", f"seed-{i}", f"10.0.0.{i}", 4000, True, 1) for i in range(3)]
NODES = [JobHost(f"node-{i}", f"node-{i}", f"10.0.1.{i}", 4000, False, 1) for i in range(10)]
ALL = [*NODES, *SEEDS]


def test_one_seed_is_the_default() -> None:
    (host,) = choose(ALL, HostChoice(), "1")
    assert host.seed


def test_the_same_job_chooses_the_same_hosts_again() -> None:
    choice = HostChoice(Scope.ALL_PEERS, count=4)
    assert choose(ALL, choice, "7") == choose(ALL[::-1], choice, "7")
    assert len({tuple(choose(ALL, choice, str(n))) for n in range(20)}) > 1


def test_all_peers_includes_seeds_and_they_come_first() -> None:
    hosts = choose(ALL, HostChoice(Scope.ALL_PEERS), "1")
    assert len(hosts) == 13
    assert [host.seed for host in hosts[:4]] == [True, True, True, False]


@pytest.mark.parametrize(("percentage", "number"), [(1, 1), (50, 7), (100, 13)])
def test_a_percentage_is_rounded_up(percentage: int, number: int) -> None:
    assert len(choose(ALL, HostChoice(Scope.ALL_PEERS, percentage=percentage), "1")) == number


def test_addresses_go_before_count_and_count_before_percentage() -> None:
    choice = HostChoice(Scope.ALL_PEERS, ips=("10.0.1.3", "node-4"), count=1, percentage=100)
    assert [host.hostname for host in choose(ALL, choice, "1")] == ["node-3", "node-4"]
    choice = HostChoice(Scope.ALL_PEERS, count=2, percentage=100)
    assert len(choose(ALL, choice, "1")) == 2


def test_an_address_that_nobody_has_is_named() -> None:
    with pytest.raises(NotFound, match=r"10\.9\.9\.9"):
        choose(ALL, HostChoice(Scope.ALL_PEERS, ips=("10.9.9.9", "10.0.1.3")), "1")
    with pytest.raises(NotFound):
        choose(ALL, HostChoice(Scope.ALL_SEED_PEERS, ips=("10.0.1.3",)), "1")


def test_without_seeds_a_seed_scope_is_refused() -> None:
    with pytest.raises(NotFound, match="seed"):
        choose(NODES, HostChoice(Scope.ALL_SEED_PEERS), "1")


def test_numbers_that_make_no_sense_are_refused() -> None:
    with pytest.raises(BadInput):
        check_choice(HostChoice(count=0))
    with pytest.raises(BadInput):
        check_choice(HostChoice(percentage=101))
