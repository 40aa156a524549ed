"""docs/configuration.md tells every key that the processes read, and none besides."""

from __future__ import annotations

from tests.architecture.config_reference import TARGET, reference


def test_the_reference_is_up_to_date() -> None:
    assert TARGET.read_text() == reference(), "run `make docs`"
