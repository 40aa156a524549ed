"""Which claims get a volume, and what it is."""

from __future__ import annotations

from typing import Any

import pytest

from dfcore.errors import BadInput
from dfkube.csi import claims

DRIVER = "csi.meganeura.io"
NOTE = {"volume.beta.kubernetes.io/storage-provisioner": DRIVER}
CLASSES: dict[str, Any] = {"folders": {"parameters": {"volume": "models"}}}


def claim(**spec: Any) -> dict[str, Any]:
    made = {
        "accessModes": ["ReadWriteMany"],
        "storageClassName": "folders",
        "resources": {"requests": {"storage": "1Gi"}},
    }
    about = {"name": "work", "namespace": "team", "uid": "1234", "annotations": NOTE}
    return {"metadata": about, "spec": made | spec}


def test_a_claim_that_is_noted_as_ours_waits_until_it_has_a_volume() -> None:
    assert claims.waits(claim(), DRIVER)
    assert not claims.waits(claim(), "csi.other.io")
    assert not claims.waits(claim(volumeName="pv"), DRIVER)
    going = claim()
    going["metadata"] = going["metadata"] | {"deletionTimestamp": "now"}
    assert not claims.waits(going, DRIVER)


def test_a_claim_gets_a_folder_of_the_classes_volume_with_its_size() -> None:
    order = claims.order(claim(), CLASSES)
    assert (order.volume, order.size_bytes, order.reclaim) == ("models", 1 << 30, "Delete")
    made = claims.volume(order, DRIVER)
    assert made["spec"]["csi"]["volumeAttributes"] == {
        "volume": "models",
        "subPath": "pvc/pvc-1234",
    }
    assert made["spec"]["claimRef"]["uid"] == "1234"
    assert made["spec"]["capacity"] == {"storage": "1Gi"}


@pytest.mark.parametrize(
    ("spec", "classes", "named"),
    [
        ({"storageClassName": "gone"}, CLASSES, "gone"),
        ({}, {"folders": {}}, r"parameters\.volume"),
        ({}, {"folders": {"parameters": {"volume": "models", "x": "y"}}}, r"parameters\.x"),
        ({"volumeMode": "Block"}, CLASSES, "volumeMode"),
        ({"resources": {"requests": {"storage": "much"}}}, CLASSES, "much"),
    ],
)
def test_what_cannot_be_had_is_named(
    spec: dict[str, Any], classes: dict[str, Any], named: str
) -> None:
    with pytest.raises(BadInput, match=named):
        claims.order(claim(**spec), classes)


def test_only_released_volumes_of_ours_that_are_to_be_deleted_go() -> None:
    volume = claims.volume(claims.order(claim(), CLASSES), DRIVER)
    assert not claims.is_to_go(volume | {"status": {"phase": "Bound"}}, DRIVER)
    released = volume | {"status": {"phase": "Released"}}
    assert claims.is_to_go(released, DRIVER)
    assert not claims.is_to_go(released, "csi.other.io")
    kept = released | {"spec": released["spec"] | {"persistentVolumeReclaimPolicy": "Retain"}}
    assert not claims.is_to_go(kept, DRIVER)


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [("0", 0), ("5", 5), ("1.5Ki", 1536), ("2M", 2_000_000), ("1e3", 1000), ("1500m", 2)],
)
def test_quantities(text: str, size_bytes: int) -> None:
    assert claims.quantity(text) == size_bytes
