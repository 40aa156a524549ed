"""CONNECT: the Hub and its CDN are intercepted, all other hosts are tunnelled untouched.

The origin speaks https with a CA of its own, which the nodes trust and the clients do not: what a
client believes here is the node's CA, by the one variable that its stack reads.
"""

from __future__ import annotations

import socket
import ssl
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography import x509

from tests.clients.packages import HUB_VERSIONS
from tests.e2e.bed import CDN_HOST, MIB, Bed, Plan, sha256
from tests.e2e.http import fetch
from tests.e2e.secrets import READER, STRANGER
from tests.e2e.tools import needs, run_tool
from tests.standin.process import StandInProcess

pytestmark = [pytest.mark.cluster, pytest.mark.clients]


def _node(standin: StandInProcess) -> dict[str, object]:
    """The names are the real ones; only the nodes know that they mean the stand-in."""
    rule = {"regx": f"^{CDN}/", "redirect": standin.cdn_url}
    return {"proxy": {"proxies": [rule]}, "hub": {"cdnHosts": [CDN_HOST, "*.cdn.hf.co"]}}


HUB, CDN = "https://huggingface.co", "https://us.aws.cdn.hf.co"
PLAN = Plan(nodes=2, tls=True, node=_node, settings={"hub_base": HUB})

# Which variable makes which stack trust one more CA (facts: requests, httpx, httpx2).
CA_VARIABLES = {"0": "REQUESTS_CA_BUNDLE", "1": "SSL_CERT_FILE", "2": "SSL_CERT_FILE"}


def variables(bed: Bed, version: str) -> dict[str, str]:
    return {"HTTPS_PROXY": bed.endpoint, CA_VARIABLES[version[0]]: bed.proxy_ca}


def issuer(url: str, *, proxy: str, ca_file: str) -> str:
    """Who signed the certificate that a client of the proxy sees."""
    parts, via = urlsplit(url), urlsplit(proxy)
    with socket.create_connection((via.hostname, via.port), timeout=10) as raw:
        raw.sendall(f"CONNECT {parts.netloc} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode())
        assert raw.recv(4096).startswith(b"HTTP/1.1 200")
        context = ssl.create_default_context(cafile=ca_file)
        with context.wrap_socket(raw, server_hostname=parts.hostname) as secure:
            seen = secure.getpeercert(binary_form=True)
    assert seen is not None
    return x509.load_der_x509_certificate(seen).issuer.rfc4514_string()


@pytest.mark.parametrize("version", HUB_VERSIONS)
def test_every_client_goes_through_with_its_own_ca_variable(version: str, bed: Bed) -> None:
    repo = bed.repo()
    result = bed.run(
        version,
        f"print(snapshot_download({repo.id!r}))",
        endpoint=None,
        env=variables(bed, version),
    )
    assert repo.whole(result.path())
    assert bed.origin_bytes(repo) == MIB


@needs("curl")
def test_without_the_ca_nothing_is_believed(bed: Bed, home: Path) -> None:
    url = HUB + bed.repo().resolve("config.json")
    done = run_tool("curl", "-sf", url, cwd=home, env={"https_proxy": bed.endpoint}, ok=False)
    assert done.returncode == 60
    assert bed.standin.counters()["requests"] == {}


@pytest.mark.parametrize("version", ["0.36.2", "1.33.0", "2.4.0"])
def test_xet_is_off_inside_an_intercepted_tunnel(version: str, bed: Bed) -> None:
    bed.standin.call("post", "settings", xet=True)
    repo = bed.repo()
    result = bed.run(
        version,
        f"print(snapshot_download({repo.id!r}))",
        endpoint=bed.standin.hub_url,
        xet="1.8.0",
        env=variables(bed, version),
    )
    assert repo.whole(result.path())
    asked = {key.split()[0] for key in bed.standin.counters()["requests"]}
    assert asked.isdisjoint({"cas", "transfer", "xet-token"})


@pytest.mark.parametrize("version", ["0.36.2", "2.4.0"])
def test_rights_are_the_same_inside(version: str, bed: Bed) -> None:
    repo = bed.repo(reader=True, private=True)
    code = f"print(hf_hub_download({repo.id!r}, 'model.safetensors'))"
    options = {"endpoint": None, "env": variables(bed, version)}
    granted = bed.run(version, code, token=READER, **options)
    assert sha256(granted.path()) == repo.sha256["model.safetensors"]
    refused = bed.run(version, code, token=STRANGER, **options)
    assert "RepositoryNotFoundError" in refused.err


def test_two_nodes_and_one_download_from_the_origin(bed: Bed) -> None:
    repo = bed.repo()
    url = HUB + repo.resolve("model.safetensors")
    for node in bed.nodes:
        got = fetch(url, proxy=node.proxy_url, ca_file=bed.proxy_ca)
        assert got.sha256 == repo.sha256["model.safetensors"]
    assert bed.origin_bytes(repo) == MIB


def test_other_hosts_are_tunnelled_untouched(bed: Bed) -> None:
    assert bed.standin.ca_file is not None
    seen = issuer(bed.standin.cas_url, proxy=bed.endpoint, ca_file=bed.standin.ca_file)
    assert "proxy CA" not in seen
    ours = issuer(HUB, proxy=bed.endpoint, ca_file=bed.proxy_ca)
    assert "meganeura proxy CA" in ours
    got = fetch(bed.standin.cas_url + "/nothing", proxy=bed.endpoint, ca_file=bed.standin.ca_file)
    assert got.status in (401, 404)
    assert [r["target"] for r in bed.requests("cas")] == ["/nothing"]


def test_a_tunnel_to_nowhere_is_an_answer(bed: Bed) -> None:
    via = urlsplit(bed.endpoint)
    with socket.create_connection((via.hostname, via.port), timeout=10) as raw:
        raw.sendall(b"CONNECT 127.0.0.9:1 HTTP/1.1\r\nHost: 127.0.0.9:1\r\n\r\n")
        assert raw.recv(4096).startswith(b"HTTP/1.1 502")


@needs("curl")
@pytest.mark.parametrize("variable", ["CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_curl(variable: str, bed: Bed, home: Path) -> None:
    repo = bed.repo()
    url = HUB + repo.resolve("model.safetensors")
    env = {"https_proxy": bed.endpoint, variable: bed.proxy_ca}
    run_tool("curl", "-sfL", "-o", "model", url, cwd=home, env=env)
    assert sha256(home / "model") == repo.sha256["model.safetensors"]
    assert bed.origin_bytes(repo) == MIB


@needs("wget")
def test_wget(bed: Bed, home: Path) -> None:
    repo = bed.repo()
    url = HUB + repo.resolve("model.safetensors")
    ca = f"--ca-certificate={bed.proxy_ca}"
    run_tool("wget", "-q", "-O", "model", ca, url, cwd=home, env={"https_proxy": bed.endpoint})
    assert sha256(home / "model") == repo.sha256["model.safetensors"]


@needs("aria2c")
def test_aria2(bed: Bed, home: Path) -> None:
    size = 20 * MIB
    repo = bed.repo({"model.safetensors": bed.weights(size)})
    url = HUB + repo.resolve("model.safetensors")
    ca = f"--ca-certificate={bed.proxy_ca}"
    options = ("-q", "-x16", "-s16", "-k1M", "-o", "model", ca)
    run_tool("aria2c", *options, url, cwd=home, env={"https_proxy": bed.endpoint})
    assert sha256(home / "model") == repo.sha256["model.safetensors"]
    assert bed.origin_bytes(repo) <= size * 1.01


@needs("git-lfs")
def test_git_lfs(bed: Bed, home: Path) -> None:
    repo = bed.repo(reader=True, private=True)
    url = f"{HUB}/{repo.id}".replace("://", f"://reader:{READER}@")
    env = {"https_proxy": bed.endpoint, "GIT_SSL_CAINFO": bed.proxy_ca}
    # git-lfs itself goes to the CDN; Go's clients never use a proxy for 127.0.0.0/8.
    bed.standin.call("post", "settings", cdn_base=CDN)
    run_tool("git", "lfs", "install", cwd=home)
    run_tool("git", "clone", "-q", url, "here", cwd=home, env=env)
    assert repo.whole(home / "here")
    assert bed.origin_bytes(repo) <= MIB * 1.01
