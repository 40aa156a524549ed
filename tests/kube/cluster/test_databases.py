"""The chart's own PostgreSQL and Redis: two managers share one, and it may go away for a while."""

from __future__ import annotations

import pytest

from tests.kube import tools
from tests.kube.archives import DATABASES
from tests.kube.chart import NAMESPACE
from tests.kube.cluster.cluster import Cluster

pytestmark = pytest.mark.timeout(600)


def test_two_managers_share_a_database_of_the_chart(cluster: Cluster) -> None:
    values = {
        "postgresql.enable": "true",
        "postgresql.image": DATABASES,
        "redis.enable": "true",
        "redis.image": DATABASES,
        "manager.database.type": "postgresql",
        "manager.replicas": "2",
    }
    words = [f"--set={key}={value}" for key, value in values.items()]
    wait = ["--create-namespace", "--wait", "--timeout=180s"]
    cluster.helm(tools.HELM3, "install", *words, *wait, chart=True)
    managers = cluster.pods("manager")
    assert len(managers) == 2
    for pod in managers:
        log = cluster.kubectl("logs", f"--namespace={NAMESPACE}", pod)
        assert '"database": "postgresql"' in log


def test_the_redis_wants_its_password(cluster: Cluster) -> None:
    (redis,) = cluster.pods("redis")
    with_password = 'REDISCLI_AUTH="$(cat /run/secrets/meganeura/password)" redis-cli ping'
    assert cluster.exec(redis, "sh", "-c", with_password) == "PONG"
    assert "NOAUTH" in cluster.exec(redis, "redis-cli", "ping")


def test_data_outlives_the_databases_pod(cluster: Cluster) -> None:
    query = 'psql -h /var/run/postgresql -U meganeura -tAc "select count(*) from alembic_version"'
    before = cluster.exec("dragonfly-postgresql-0", "sh", "-c", query)
    cluster.kubectl("delete", "pod", "dragonfly-postgresql-0", f"--namespace={NAMESPACE}")
    ready = [f"--namespace={NAMESPACE}", "condition=Ready"]
    cluster.wait("pod", "dragonfly-postgresql-0", *ready)
    assert cluster.exec("dragonfly-postgresql-0", "sh", "-c", query) == before
    for pod in cluster.pods("manager"):
        cluster.wait("pod", pod, *ready)
    cluster.helm(tools.HELM3, "uninstall", "--wait", "--timeout=120s")
    cluster.wait("pod", f"--namespace={NAMESPACE}", "--all", "delete")
