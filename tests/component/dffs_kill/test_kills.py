"""kill -9 of mount, engine, object store and dfdaemon under load: no acknowledged byte is lost.

MEGANEURA_KILL_ROUNDS=100 for as many rounds, MEGANEURA_KILL_AWAY_S=10 for such an absence,
MEGANEURA_KILL_KINDS=engine,store for some of them; each round tells a line (`pytest -s`).
"""

from __future__ import annotations

import random
import time

import pytest

from tests.component.dffs_fuse.mounted import needs_fuse
from tests.component.dffs_kill.bed import FOLDER, KillBed, away_s, rounds
from tests.component.dffs_kill.ledger import Ledger
from tests.servers.processes import ServerMissing

pytestmark = [needs_fuse, pytest.mark.cluster]
_ENOUGH = 5
_LIMIT_S = 120 + (60 + away_s()) * rounds()


@pytest.mark.timeout(_LIMIT_S)
def test_nothing_acknowledged_is_lost_and_all_goes_on_by_itself() -> None:
    chance = random.Random(11)
    try:
        with KillBed() as bed:
            ledger = Ledger(bed.point / FOLDER, seed=11)
            try:
                _rounds(bed, ledger, chance)
            except AssertionError as error:
                error.add_note(bed.last_words())
                raise
            finally:
                ledger.close()
    except ServerMissing as error:
        pytest.skip(str(error))


def _rounds(bed: KillBed, ledger: Ledger, chance: random.Random) -> None:
    for number in range(rounds()):
        kind = bed.kinds[number % len(bed.kinds)]
        ledger.go()
        ledger.wait_acknowledged(_ENOUGH)
        time.sleep(chance.uniform(0, 0.5))  # somewhere in the middle of something
        bed.kill(kind)
        time.sleep(chance.uniform(away_s() / 2, away_s()))
        bed.bring_back(kind)
        ledger.wait_acknowledged(_ENOUGH)
        ledger.pause()
        problems = bed.problems(ledger)
        print(f"{number} {kind}: {ledger.acknowledged} acknowledged, errors {dict(ledger.errors)}")
        assert not problems, "\n".join([f"round {number}, {kind}:", *problems])
