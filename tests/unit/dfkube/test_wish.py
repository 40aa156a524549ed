"""What pods may ask of the CSI driver, and how it is read."""

from __future__ import annotations

import pytest

from dfcore.errors import BadInput
from dfkube.csi.mounttable import mount_points
from dfkube.csi.wish import Wish, read


@pytest.mark.parametrize("model", ["org/bert@prod", "org/bert:prod"])
def test_a_model_is_the_folder_of_its_tag_and_read_only(model: str) -> None:
    wish = read({"volume": "models", "model": model, "csi.storage.k8s.io/pod.name": "p"})
    assert wish == Wish("models", "models/org/bert/prod", "org/bert", read_only=True)


def test_a_folder_and_a_whole_volume() -> None:
    assert read({"volume": "models", "subPath": "a/b"}) == Wish("models", "a/b")
    assert read({"volume": "models"}) == Wish("models", "")


def test_the_kubelet_says_that_a_persistent_volume_asks() -> None:
    attributes = {"volume": "models", "csi.storage.k8s.io/ephemeral": "false"}
    assert read(attributes) == Wish("models", "", claimed=True)
    assert not read(attributes | {"csi.storage.k8s.io/ephemeral": "true"}).claimed


@pytest.mark.parametrize(
    ("attributes", "named"),
    [
        ({"model": "bert"}, "model"),
        ({"model": "org/../bert@x"}, "model"),
        ({"model": "org/bert@../x"}, "model"),
        ({"model": "org/bert@x", "subPath": "a"}, "subPath"),
        ({"subPath": "../other"}, "subPath"),
        ({"subPath": "/etc"}, "subPath"),
        ({"modle": "org/bert@x"}, "modle"),
    ],
)
def test_what_makes_no_sense_is_named(attributes: dict[str, str], named: str) -> None:
    with pytest.raises(BadInput, match=rf"volumeAttributes\.{named}: "):
        read(attributes)


def test_mount_points_are_read_as_the_kernel_escapes_them() -> None:
    table = (
        "36 35 98:0 / / rw - ext4 /dev/a rw\n"
        "37 36 0:41 /x /var/lib/a\\040b rw,nosuid shared:1 - fuse.dffs dffs:v rw\n"
    )
    assert mount_points(table) == ["/", "/var/lib/a b"]
