"""The cluster's authority lets its own hosts in and nobody else."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest

from dfcore.errors import ConfigError
from dfinfra import tls


async def talk(
    server: ssl.SSLContext, client: ssl.SSLContext, server_hostname: str | None = None
) -> bytes:
    """What a client receives that sends ``ping`` over a connection of these contexts."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(b"got " + await reader.readexactly(4))
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    listening = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=server)
    async with listening:
        port = listening.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=client, server_hostname=server_hostname
        )
        try:
            writer.write(b"ping")
            return await reader.read(100)
        finally:
            writer.close()


@pytest.fixture
def ca(tmp_path: Path) -> tls.Authority:
    return tls.create_ca(tmp_path / "ca")


async def test_hosts_of_one_cluster_talk(tmp_path: Path, ca: tls.Authority) -> None:
    one = tls.issue(ca, tmp_path / "one", "host-1", ips=["10.0.0.1"])
    two = tls.issue(ca, tmp_path / "two", "host-2", ips=["10.0.0.2"], dns=["two.local"])
    assert await talk(tls.server_context(one), tls.client_context(two)) == b"got ping"


async def test_a_stranger_is_refused(tmp_path: Path, ca: tls.Authority) -> None:
    host = tls.issue(ca, tmp_path / "host", "host")
    other_ca = tls.create_ca(tmp_path / "other")
    stranger = tls.issue(other_ca, tmp_path / "stranger", "host")
    # It trusts us, but we do not trust it.
    stranger.ca.write_bytes(ca.pem)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        assert await talk(tls.server_context(host), tls.client_context(stranger)) == b""
        raise ConnectionError("closed without an answer")


async def test_a_client_without_a_certificate_is_refused(tmp_path: Path, ca: tls.Authority) -> None:
    host = tls.issue(ca, tmp_path / "host", "host")
    anonymous = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anonymous.check_hostname = False
    anonymous.load_verify_locations(host.ca)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        assert await talk(tls.server_context(host), anonymous) == b""
        raise ConnectionError("closed without an answer")


async def test_a_host_does_not_talk_to_a_stranger(tmp_path: Path, ca: tls.Authority) -> None:
    host = tls.issue(ca, tmp_path / "host", "host")
    stranger = tls.issue(tls.create_ca(tmp_path / "other"), tmp_path / "stranger", "host")
    with pytest.raises(ssl.SSLCertVerificationError):
        await talk(tls.server_context(stranger), tls.client_context(host))


def test_key_files_are_private(tmp_path: Path, ca: tls.Authority) -> None:
    host = tls.issue(ca, tmp_path / "host", "host")
    for key in (host.key, tmp_path / "ca" / "ca.key"):
        assert key.stat().st_mode & 0o777 == 0o600


def test_the_authority_is_made_once(tmp_path: Path, ca: tls.Authority) -> None:
    assert tls.create_ca(tmp_path / "ca").pem == ca.pem


def test_a_key_of_another_authority_is_told(tmp_path: Path, ca: tls.Authority) -> None:
    tls.create_ca(tmp_path / "other")
    with pytest.raises(ConfigError, match="is not the key of"):
        tls.load_ca(tmp_path / "ca" / "ca.crt", tmp_path / "other" / "ca.key")


def test_missing_files_are_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        tls.load_ca(tmp_path / "a", tmp_path / "b")
    with pytest.raises(ConfigError, match="no such file"):
        tls.server_context(tls.Identity(tmp_path / "a", tmp_path / "b", tmp_path / "c"))


@pytest.mark.parametrize("host", ["huggingface.co", "127.0.0.1", "a.very.long." + "x" * 60 + ".de"])
async def test_a_client_accepts_the_leaf_of_an_intercepted_host(
    ca: tls.Authority, host: str
) -> None:
    client = ssl.create_default_context(cadata=ca.pem.decode())
    leaves = tls.LeafCache(ca)
    assert await talk(leaves.context(host), client, server_hostname=host) == b"got ping"


async def test_a_leaf_is_good_for_its_host_only(ca: tls.Authority) -> None:
    client = ssl.create_default_context(cadata=ca.pem.decode())
    with pytest.raises(ssl.SSLCertVerificationError):
        await talk(tls.LeafCache(ca).context("a.example"), client, server_hostname="b.example")


def test_leaves_are_kept_and_bounded(ca: tls.Authority) -> None:
    now = [0.0]
    leaves = tls.LeafCache(ca, capacity=2, now=lambda: now[0])
    first = leaves.context("a.example")
    assert leaves.context("A.example.") is first
    for name in ("b.example", "a.example", "c.example"):
        leaves.context(name)
    assert len(leaves) == 2
    assert leaves.context("a.example") is first
    now[0] = 8 * 24 * 3600.0
    assert leaves.context("a.example") is not first
