"""When simulated hosts tell their news, against the pace of real channels."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from bench.simulate.clock import Clock
from bench.simulate.news import News, Paces, pace


def test_news_in_a_stream_is_told_together_and_only_what_is_lacked() -> None:
    clock = Clock()
    told: list[tuple[str, int, float]] = []
    news: News[str] = News(clock, lambda child, bits: told.append((child, bits, clock.now)))
    for unit in range(40):
        clock.at(unit * 0.1, lambda unit=unit: news.tell("a", 1 << unit, urgent=unit % 2 == 0))
    while clock.next_due is not None:
        clock.run_next()
    assert told[0] == ("a", 1, 0.0)
    every = 0
    for _, bits, _ in told:
        assert not every & bits
        every |= bits
    assert every == sum(1 << unit for unit in range(0, 40, 2))
    assert len(told) <= 20


@pytest.mark.parametrize("seed", range(3))
def test_paces_in_arrays_are_those_of_channels(seed: int) -> None:
    rng = Random(seed)
    hosts = 5
    paces, real = Paces(hosts), [pace() for _ in range(hosts)]
    due: list[float | None] = [None] * hosts
    now = 0.0
    for _ in range(400):
        now += rng.choice([0.001, 0.03, 0.4])
        telling = [rng.randrange(hosts) for _ in range(rng.randrange(6))]
        waits = paces.wait_s(np.array(telling, np.intp), now).tolist()
        for host in range(hosts):
            if (moment := due[host]) is not None and moment <= now:
                real[host].sent(moment)
                due[host] = None
        for host, wait_s in zip(telling, waits, strict=True):
            real[host].told(now)
            moment = due[host]
            if moment is None:
                due[host] = moment = real[host].due(now)
                if moment <= now:
                    real[host].sent(now)
                    due[host] = None
            assert wait_s == pytest.approx(moment - now)
