from __future__ import annotations

import pytest

from dfdaemon.hub.routes import Kind, Repo, Route, parse, resolve_path

COMMIT = "0123456789abcdef0123456789abcdef01234567"
MODEL, DATASET = Repo("models", "org/name"), Repo("datasets", "org/name")


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/org/name/resolve/main/a/b.txt", Route(Kind.RESOLVE, MODEL, "main", "a/b.txt")),
        ("/gpt2/resolve/main/x", Route(Kind.RESOLVE, Repo("models", "gpt2"), "main", "x")),
        ("/datasets/org/name/resolve/v1/x", Route(Kind.RESOLVE, DATASET, "v1", "x")),
        (
            "/org/name/resolve/refs%2Fpr%2F1/a%20b",
            Route(Kind.RESOLVE, MODEL, "refs/pr/1", "a b"),
        ),
        ("/org/name/resolve/refs/pr/1/x", Route(Kind.RESOLVE, MODEL, "refs/pr/1", "x")),
        (
            f"/api/resolve-cache/models/org/name/{COMMIT}/a/b",
            Route(Kind.RESOLVE, MODEL, COMMIT, "a/b"),
        ),
        ("/api/models/org/name", Route(Kind.REPO, MODEL)),
        ("/api/models/gpt2", Route(Kind.REPO, Repo("models", "gpt2"))),
        ("/api/models/org/name/revision/main", Route(Kind.REVISION, MODEL, "main")),
        ("/api/models/gpt2/revision/main", Route(Kind.REVISION, Repo("models", "gpt2"), "main")),
        ("/api/datasets/org/name/tree/main/sub/dir", Route(Kind.TREE, DATASET, "main", "sub/dir")),
        ("/api/models/org/name/paths-info/main", Route(Kind.PATHS_INFO, MODEL, "main")),
        ("/api/models/org/name/refs", Route(Kind.REFS, MODEL)),
        ("/api/models/org/name/xet-read-token/main", Route(Kind.XET_TOKEN, MODEL, "main")),
        ("/api/whoami-v2", Route(Kind.WHOAMI)),
        ("/api/models", Route(Kind.API)),
        ("/org/name.git/info/lfs/objects/batch", Route(Kind.LFS_BATCH, MODEL)),
        ("/org/name.git/info/refs", Route(Kind.GIT, MODEL)),
        ("/v2/org/name/manifests/Q4", Route(Kind.MANIFEST, MODEL, path="Q4")),
        ("/org/name/resolve/main/../../etc", Route(Kind.OTHER)),
        ("/org/name/resolve/main/%2e%2e/etc", Route(Kind.OTHER)),
        ("/org/name/resolve/main", Route(Kind.OTHER)),
        ("/", Route(Kind.OTHER)),
    ],
)
def test_a_path_says_what_is_asked_for(path: str, route: Route) -> None:
    assert parse(path) == route


def test_only_a_full_commit_is_immutable() -> None:
    assert parse(f"/org/name/resolve/{COMMIT}/x").immutable
    assert not parse(f"/org/name/resolve/{COMMIT[:7]}/x").immutable
    assert not parse("/org/name/resolve/main/x").immutable


def test_a_download_path_is_escaped() -> None:
    assert resolve_path(DATASET, "refs/pr/1", "a b/ü") == (
        "/datasets/org/name/resolve/refs%2Fpr%2F1/a%20b/%C3%BC"
    )
