"""Private authorities vouch for the hosts they are configured for, at a real TLS origin."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from dfcore.errors import ConfigError, OriginUnreachable
from dfdaemon.config import DaemonConfig, trust_of
from dfdaemon.fetch.origin import OriginConfig, OriginPool, OriginRequest
from dfdaemon.fetch.trust import TrustConfig
from dfdaemon.hub.config import HubConfig
from dfdaemon.hub.origin import OriginGateway
from dfdaemon.proxy.config import ProxyConfig, RegistryMirrorConfig
from dfinfra import tls
from dfinfra.clock import SystemClock
from dfinfra.http import client_session
from tests.component.dfdaemon_plane.bed import CONTENT, SIZE
from tests.component.dfdaemon_plane.httporigin import Origin, origin, part


@asynccontextmanager
async def private_origin(folder: Path) -> AsyncIterator[tuple[Origin, Path]]:
    """An origin and the file of the authority that signed its certificate."""
    identity = tls.issue(tls.create_ca(folder), folder, "origin", ips=("127.0.0.1",))
    context = tls.server_context(identity)
    context.verify_mode = ssl.CERT_NONE
    async with origin(part, tls=context) as source:
        yield source, identity.ca


async def got(config: DaemonConfig, url: str) -> bytes:
    """What the engine of a host with this configuration downloads."""
    pool = OriginPool(config.origin, trust_of(config))
    try:
        stream = await pool.open(OriginRequest(url))
        try:
            return await stream.read(SIZE)
        finally:
            await stream.aclose()
    finally:
        await pool.aclose()


def trusting(ca: Path, *hosts: str) -> DaemonConfig:
    return DaemonConfig(origin=OriginConfig(trust=(TrustConfig(hosts, (ca,)),)))


def mirroring(ca: Path, url: str) -> DaemonConfig:
    mirror = RegistryMirrorConfig(url=url, certs=(ca,))
    return DaemonConfig(proxy=ProxyConfig(registry_mirror=mirror))


async def test_every_way_to_name_the_host_reaches_the_engine(tmp_path: Path) -> None:
    async with private_origin(tmp_path) as (source, ca):
        port = source.url.rpartition(":")[2].partition("/")[0]
        for config in (
            trusting(ca, "127.0.0.1"),
            trusting(ca, f"127.0.0.1:{port}"),
            trusting(ca, "registry.internal", "127.*"),
            mirroring(ca, f"https://127.0.0.1:{port}"),
            DaemonConfig(hub=HubConfig(endpoint=f"https://127.0.0.1:{port}", ca_file=ca)),
            DaemonConfig(hub=HubConfig(cdn_hosts=("127.0.*",), ca_file=ca)),
            DaemonConfig(origin=OriginConfig(ca_file=str(ca))),
        ):
            assert await got(config, source.url) == CONTENT


async def test_an_authority_is_not_believed_for_other_hosts(tmp_path: Path) -> None:
    async with private_origin(tmp_path) as (source, ca):
        for config in (
            DaemonConfig(),
            trusting(ca, "127.0.0.2", "localhost"),
            trusting(ca, "127.0.0.1:1"),
            mirroring(ca, "https://registry.internal"),
            DaemonConfig(hub=HubConfig(ca_file=ca)),
        ):
            with pytest.raises(OriginUnreachable, match="certificate"):
                await got(config, source.url)


async def test_questions_to_origins_trust_as_downloads_do(tmp_path: Path) -> None:
    async with private_origin(tmp_path) as (source, ca), client_session() as session:
        for config, believed in ((trusting(ca, "127.0.0.1"), True), (trusting(ca, "o"), False)):
            context = trust_of(config).context
            gateway = OriginGateway(config.hub, session, SystemClock(), tls=context)
            if believed:
                assert (await gateway.ask("GET", source.url, {})).body == CONTENT
            else:
                with pytest.raises(OriginUnreachable):
                    await gateway.ask("GET", source.url, {})


@pytest.mark.parametrize(
    ("config", "key"),
    [
        (lambda file: trusting(file, "registry"), r"origin\.trust\[0\]\.certs"),
        (lambda file: mirroring(file, "https://r"), r"proxy\.registryMirror\.certs"),
        (lambda file: DaemonConfig(hub=HubConfig(ca_file=file)), r"hub\.caFile"),
        (lambda file: DaemonConfig(origin=OriginConfig(ca_file=str(file))), r"origin\.caFile"),
    ],
)
def test_a_file_that_is_no_certificate_is_told_at_the_start(
    tmp_path: Path, config: object, key: str
) -> None:
    assert callable(config)
    empty, missing = tmp_path / "empty.pem", tmp_path / "missing.pem"
    empty.write_text("nothing\n")
    for file in (empty, missing):
        with pytest.raises(ConfigError, match=f"^{key}: {file}: "):
            trust_of(config(file))


def test_authorities_without_hosts_vouch_for_nobody(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="hosts"):
        TrustConfig((), (tmp_path / "ca.pem",))
    with pytest.raises(ValueError, match="certs"):
        TrustConfig(("registry",), ())
    with pytest.raises(ValueError, match="url"):
        RegistryMirrorConfig(certs=(tmp_path / "ca.pem",))
