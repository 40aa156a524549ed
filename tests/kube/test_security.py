"""No default secrets, no readable keys, no privileges without a written reason; few, small pods."""

from __future__ import annotations

import base64
import ssl
from pathlib import Path

from dfinfra.authority import Identity, load_ca
from dfinfra.tls import client_context, server_context
from tests.kube.cases import DEFAULT, GUIDES
from tests.kube.chart import Object, Rendered, render
from tests.kube.conftest import rendered_once

# Containers that need more than nothing, what, and why.
CAPABLE = {
    "own-folders": (
        ["CHOWN"],
        "the kubelet makes folders of the node for root; the daemon that writes there is not root",
    ),
}
PRIVILEGED = {
    "csi": "as for mounts: a pod sees its model only if the mount propagates to it",
    "mount": "Kubernetes lets a mount propagate to other pods out of privileged containers alone",
}
# Pods that ask the API server something, and why.
ACCOUNTS = {"csi-provisioner": "it makes persistent volumes for claims"}
MIB = {"Mi": 1, "Gi": 1024}


def test_nothing_is_privileged_without_a_reason(rendered: Rendered) -> None:
    for pod in rendered.pods():
        spec = pod["spec"]
        asks = pod["metadata"]["labels"]["component"] in ACCOUNTS
        assert spec["automountServiceAccountToken"] is asks
        assert not spec.get("hostPID") and not spec.get("hostIPC")
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        if not {one["name"] for one in spec["containers"]} & set(PRIVILEGED):
            assert spec["securityContext"]["runAsNonRoot"] is True
    for one in rendered.containers():
        context = one["securityContext"]
        assert context["readOnlyRootFilesystem"] is True
        if one["name"] in PRIVILEGED:
            assert context["privileged"] is True
            continue
        added, reason = CAPABLE.get(one["name"], ([], ""))
        assert context["capabilities"] == {"drop": ["ALL"], **({"add": added} if added else {})}
        assert bool(reason) == (context.get("runAsUser") == 0)
        assert context["allowPrivilegeEscalation"] is False
        assert "privileged" not in context


def test_the_default_install_has_no_privileged_container() -> None:
    for case in (DEFAULT, GUIDES):
        names = {one["name"] for one in rendered_once(case).containers()}
        assert not names & set(PRIVILEGED)


def test_accounts_may_do_no_more_than_they_must(rendered: Rendered) -> None:
    used = {p["spec"]["serviceAccountName"] for p in rendered.pods()} - {"dragonfly"}
    bound = {s["name"] for b in rendered.kind("ClusterRoleBinding") for s in b["subjects"]}
    assert bound == used
    for role in rendered.kind("ClusterRole"):
        for rule in role["rules"]:
            assert "*" not in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]]
            assert "secrets" not in rule["resources"]


def test_no_key_is_readable_by_the_world(rendered: Rendered) -> None:
    for pod in rendered.pods():
        for volume in pod["spec"].get("volumes", []):
            if "secret" in volume:
                assert volume["secret"]["defaultMode"] & 0o007 == 0


def test_every_container_says_what_it_needs(rendered: Rendered) -> None:
    for one in rendered.containers():
        assert set(one["resources"]["requests"]) == {"cpu", "memory"}
        assert one["resources"]["limits"]["memory"]


def test_the_default_control_plane_is_small() -> None:
    sets = rendered_once(DEFAULT).kind("StatefulSet") + rendered_once(DEFAULT).kind("Deployment")
    assert sum(one["spec"]["replicas"] for one in sets) <= 4
    assert sum(one["spec"]["replicas"] * _mebibytes(one) for one in sets) <= 1024


def test_no_two_installs_share_a_secret() -> None:
    first, second = (Rendered.of(render(DEFAULT)).kind("Secret") for _ in range(2))
    assert len(first) >= 3
    for one, other in zip(first, second, strict=True):
        assert one["data"] and not (set(one["data"].values()) & set(other["data"].values()))


def test_the_certificates_made_are_those_that_hosts_need(tmp_path: Path) -> None:
    rendered = Rendered.of(render(DEFAULT))
    for secret, folder in (("hosts", "hosts"), ("ca", "ca"), ("proxy-ca", "proxy")):
        (tmp_path / folder).mkdir()
        for name, content in rendered.get("Secret", f"dragonfly-{secret}")["data"].items():
            (tmp_path / folder / name).write_bytes(base64.b64decode(content))
    hosts = tmp_path / "hosts"
    identity = Identity(hosts / "host.crt", hosts / "host.key", hosts / "ca.crt")
    _shake_hands(client_context(identity), server_context(identity))
    load_ca(tmp_path / "ca" / "ca.crt", tmp_path / "ca" / "ca.key")
    proxy = load_ca(tmp_path / "proxy" / "ca.crt", tmp_path / "proxy" / "ca.key")
    told = rendered.get("ConfigMap", "dragonfly-proxy-ca")["data"]["ca.crt"]
    assert told.encode().strip() == proxy.pem.strip()


def _shake_hands(client: ssl.SSLContext, server: ssl.SSLContext) -> None:
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    one = client.wrap_bio(to_client, to_server)
    other = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(6):
        for side in (one, other):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    assert one.version() == other.version() == "TLSv1.3"


def _mebibytes(workload: Object) -> int:
    total = 0
    for one in workload["spec"]["template"]["spec"]["containers"]:
        memory = one["resources"]["requests"]["memory"]
        total += int(memory[:-2]) * MIB[memory[-2:]]
    return total
