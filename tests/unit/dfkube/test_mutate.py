"""What the injector makes of a pod."""

from __future__ import annotations

import base64
import copy
import json
from dataclasses import replace
from typing import Any

import pytest

from dfcore.errors import BadInput
from dfkube.injector import mutate, review
from dfkube.injector.config import AuthorityConfig, InjectorConfig, Mode, ToolsConfig

CONFIG = InjectorConfig()
WITH_ALL = replace(
    CONFIG,
    mode=Mode.PROXY,
    authority=AuthorityConfig(config_map="meganeura-ca"),
    tools=ToolsConfig(image="meganeura:1"),
)


def pod(annotations: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    containers = [{"name": "main", "image": "x", "env": [{"name": "A", "value": "b"}]}]
    return {"metadata": {"annotations": annotations}, "spec": {"containers": containers} | spec}


def patched(source: dict[str, Any], config: InjectorConfig = CONFIG) -> dict[str, Any]:
    """The pod after the patch, whose operations are on keys of the spec alone."""
    made = copy.deepcopy(source)
    for operation in mutate.patch(source, config):
        key = operation["path"].removeprefix("/spec/")
        assert operation["op"] == ("replace" if key in made["spec"] else "add")
        made["spec"][key] = operation["value"]
    return made


def variables(container: dict[str, Any]) -> dict[str, str]:
    return {v["name"]: v.get("value", "") for v in container["env"]}


def test_clients_find_the_daemon_of_their_node_as_the_hub() -> None:
    (container,) = patched(pod())["spec"]["containers"]
    names = [variable["name"] for variable in container["env"]]
    assert names == ["A", "MEGANEURA_NODE_IP", "HF_ENDPOINT"]
    assert variables(container)["HF_ENDPOINT"] == "http://$(MEGANEURA_NODE_IP):65001"
    assert container["env"][1]["valueFrom"] == {"fieldRef": {"fieldPath": "status.hostIP"}}


def test_proxy_mode_is_asked_for_by_annotation_and_leaves_https_alone_without_an_authority() -> (
    None
):
    (container,) = patched(pod({"dragonfly.io/inject-mode": "proxy"}))["spec"]["containers"]
    found = variables(container)
    assert found["HTTP_PROXY"] == found["http_proxy"] == "http://$(MEGANEURA_NODE_IP):65001"
    assert found["NO_PROXY"].endswith(".cluster.local,$(MEGANEURA_NODE_IP)")
    assert not {"HTTPS_PROXY", "HF_ENDPOINT", "SSL_CERT_FILE"} & set(found)


def test_authority_socket_and_tools_come_along() -> None:
    spec = patched(pod(), WITH_ALL)["spec"]
    (container,) = spec["containers"]
    mounts = {mount["mountPath"]: mount for mount in container["volumeMounts"]}
    assert set(mounts) == {"/run/dragonfly", "/etc/meganeura/ca", "/dragonfly"}
    assert all(mount["readOnly"] for mount in mounts.values())
    assert variables(container)["SSL_CERT_FILE"] == "/etc/meganeura/ca/ca.crt"
    assert variables(container)["HTTPS_PROXY"]
    assert [starter["image"] for starter in spec["initContainers"]] == ["meganeura:1"]
    assert {volume["name"] for volume in spec["volumes"]} == {
        "dfdaemon-unix-sock", "dfdaemon-ca", "dragonfly-binaries",
    }  # fmt: skip


@pytest.mark.parametrize("config", [CONFIG, WITH_ALL])
def test_a_second_call_changes_nothing(config: InjectorConfig) -> None:
    assert mutate.patch(patched(pod(), config), config) == []


def test_what_the_pod_says_itself_stays() -> None:
    source = pod()
    source["spec"]["containers"][0]["env"].append({"name": "HF_ENDPOINT", "value": "mine"})
    (container,) = patched(source)["spec"]["containers"]
    assert variables(container)["HF_ENDPOINT"] == "mine"
    assert "MEGANEURA_NODE_IP" not in variables(container)


def test_the_socket_can_be_left_out() -> None:
    assert "volumes" not in patched(pod({mutate.SKIP_SOCKET: "true"}))["spec"]


@pytest.mark.parametrize(
    ("annotations", "labels", "namespace", "expected"),
    [
        (None, {}, "team", False),
        ({"dragonfly.io/inject": "true"}, {}, "team", True),
        (None, {"dragonfly.io/injection": "enabled"}, "team", True),
        ({"dragonfly.io/inject": "false"}, {"dragonfly.io/injection": "enabled"}, "team", False),
        ({"dragonfly.io/inject": "true"}, {}, "kube-system", False),
    ],
)
def test_who_is_changed(
    annotations: dict[str, str] | None, labels: dict[str, str], namespace: str, expected: bool
) -> None:
    assert mutate.wanted(pod(annotations), namespace, labels, CONFIG) is expected


def reviewed(source: dict[str, Any], kind: str = "Pod") -> dict[str, Any]:
    request = {"uid": "u1", "kind": {"kind": kind}, "namespace": "team", "object": source}
    return {"apiVersion": "admission.k8s.io/v1", "request": request}


def test_a_review_is_answered_with_the_patch() -> None:
    told = review.answer(reviewed(pod({"dragonfly.io/inject": "true"})), {}, CONFIG)["response"]
    assert (told["uid"], told["allowed"], told["patchType"]) == ("u1", True, "JSONPatch")
    assert {op["path"] for op in json.loads(base64.b64decode(told["patch"]))} == {
        "/spec/containers", "/spec/volumes",
    }  # fmt: skip


def test_other_pods_and_other_things_are_allowed_unchanged() -> None:
    for asked in (reviewed(pod()), reviewed(pod({"dragonfly.io/inject": "true"}), "Job")):
        assert review.answer(asked, {}, CONFIG)["response"] == {"uid": "u1", "allowed": True}


@pytest.mark.parametrize("nonsense", [None, [], {}, {"request": {}}, {"request": {"uid": 5}}])
def test_what_is_no_review_is_refused(nonsense: object) -> None:
    with pytest.raises(BadInput):
        review.answer(nonsense, {}, CONFIG)
