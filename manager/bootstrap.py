"""The first start on an empty database: the root user and a cluster to begin with.

Replicas may do it at the same time; the unique names decide who was first.
"""

from __future__ import annotations

import asyncio
import sys
from itertools import count
from pathlib import Path
from random import Random

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from dfcore.backoff import Backoff
from dfcore.errors import ConfigError
from dfinfra.logs import get_logger
from dfinfra.offload import Pool
from manager.auth.permissions import Role
from manager.auth.secrets import hash_password, new_password
from manager.config import ManagerConfig
from manager.db.clusters import ClusterLink, SchedulerCluster, SeedPeerCluster
from manager.db.database import Database, UnreachableError
from manager.db.schema import bring_up_to_date
from manager.db.users import User

log = get_logger("bootstrap")

FIRST_CLUSTER = "cluster-1"
"""Dragonfly's name of it."""
_PAUSES = Backoff(base_s=0.2, cap_s=2.0)


async def prepare_when_reachable(config: ManagerConfig, database: Database, thread: Pool) -> None:
    """:func:`prepare` in a thread; anew, for `database.wait`, while the server cannot be reached.

    Raises ConfigError.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + config.database.wait_s
    for attempt in count():
        try:
            await thread.run(prepare, config, database)
            return
        except UnreachableError as error:
            pause_s = _PAUSES.delay_s(attempt, Random())
            if loop.time() + pause_s > end:
                raise
            log.warning("waiting for the database", reason=str(error))
        await asyncio.sleep(pause_s)


def prepare(config: ManagerConfig, database: Database) -> None:
    """Open and migrate the database, and fill an empty one. Raises ConfigError."""
    database.open()
    bring_up_to_date(database)
    _make_root(config, database)
    try:
        database.transact(_make_cluster)
    except IntegrityError:
        pass  # another replica was first


def _make_root(config: ManagerConfig, database: Database) -> None:
    if database.transact(lambda s: s.scalar(select(User.id).limit(1)), read_only=True):
        return
    given = _given_password(config.auth.root_password_file)
    password = given or new_password()
    root = User(name="root", password_hash=hash_password(password), roles=[Role.ROOT.value])
    try:
        database.transact(lambda session: session.add(root))
    except IntegrityError:
        return  # another replica was first, and has shown its password
    if given is None:
        _show(password)


def _given_password(path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        return path.read_text().strip()
    except OSError as error:
        raise ConfigError(f"auth.rootPasswordFile: {path}: {error.strerror}") from error


def _show(password: str) -> None:
    """On the terminal only: it is in no log file, and nobody can read it again."""
    sys.stderr.write(
        "\nThe first user is made. It is shown this once, and kept nowhere in the clear:\n"
        f"    name      root\n    password  {password}\n\n"
    )
    sys.stderr.flush()


def _make_cluster(session: Session) -> None:
    if session.scalar(select(SchedulerCluster.id).limit(1)):
        return
    cluster = SchedulerCluster(
        name=FIRST_CLUSTER,
        is_default=True,
        config={"candidate_parent_limit": 4, "filter_parent_limit": 24, "job_rate_limit": 10},
        client_config={"load_limit": 200},
        seed_client_config={},
        scopes={},
    )
    seeds = SeedPeerCluster(name=FIRST_CLUSTER, config={"load_limit": 2000})
    session.add_all([cluster, seeds])
    session.flush()
    session.add(ClusterLink(seed_peer_cluster_id=seeds.id, scheduler_cluster_id=cluster.id))
