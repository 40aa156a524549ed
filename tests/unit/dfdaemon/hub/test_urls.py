"""Names by which the cluster shares out the Hub's URLs."""

from __future__ import annotations

from dfdaemon.hub.urls import name_at_hub


def test_all_of_a_repository_is_asked_of_one_seed() -> None:
    base = "https://hub.test"
    urls = (
        f"{base}/org/m/resolve/main/a.bin",
        f"{base}/org/m/resolve/0123456789012345678901234567890123456789/b.bin",
        f"{base}/api/models/org/m/revision/main?blobs=true",
    )
    assert {name_at_hub(base, url) for url in urls} == {"models/org/m"}
    assert name_at_hub(base, "https://cdn.test/x?sig=1") == "https://cdn.test/x"
