"""From a request's type and ``args`` to an order for a job: what is kept, what is sealed, what is shown.

Pure but for the targets' rule, which looks at addresses that stand in URLs themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from dfcore.errors import BadInput
from dfinfra.redact import HIDDEN
from manager.jobs import upkeep, values
from manager.jobs.results import public
from manager.jobs.sources.http import is_signed
from manager.jobs.sources.hub import parse_target
from manager.jobs.sources.image import parse_reference
from manager.jobs.spec import parse_preheat
from manager.jobs.targets import Targets

PREHEAT, GET_TASK, DELETE_TASK = "preheat", "get_task", "delete_task"
SYNC_PEERS, GC, REPLICATE = "sync_peers", "gc", "replicate"
GET_IMAGE = "get_image_distribution"
TYPES = (PREHEAT, GET_TASK, GET_IMAGE, DELETE_TASK, SYNC_PEERS, GC)
"""What a user may ask for."""
OVERSEERS_TYPES = (DELETE_TASK, SYNC_PEERS, GC)
"""What takes something from others, and so is for operators."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a job is made of."""

    type: str
    args: Mapping[str, Any]
    spec: Mapping[str, Any]
    credentials: Mapping[str, Any] = field(default_factory=dict, repr=False)


def order(kind: str, args: Mapping[str, Any], targets: Targets) -> Order:
    """Read a request for a job. Raises BadInput, Denied."""
    if kind == PREHEAT:
        return _preheat(args, targets)
    if kind == GET_IMAGE:
        return replace(_preheat({**args, "type": "image"}, targets), type=GET_IMAGE)
    if kind in (GET_TASK, DELETE_TASK):
        return Order(kind, shown(args), upkeep.parse_task(args))
    if kind == SYNC_PEERS:
        return Order(kind, shown(args), {})
    if kind == GC:
        return Order(kind, shown(args), upkeep.parse_clear(args))
    raise BadInput(f"type: must be one of {', '.join(TYPES)}")


def shown(args: Mapping[str, Any]) -> dict[str, Any]:
    """``args`` as everybody who sees the job may see them."""
    kept = dict(args)
    for key in ("password", "token"):
        if kept.get(key):
            kept[key] = HIDDEN
    if isinstance(kept.get("headers"), dict):
        kept["headers"] = dict.fromkeys(map(str, kept["headers"]), HIDDEN)
    for key in ("url", "endpoint"):
        if isinstance(kept.get(key), str):
            kept[key] = _without_right(kept[key])
    if isinstance(kept.get("urls"), list):
        kept["urls"] = [_without_right(u) if isinstance(u, str) else u for u in kept["urls"]]
    for key in ("object_storage", "hdfs"):
        if key in kept:
            kept[key] = HIDDEN
    return kept


def _preheat(args: Mapping[str, Any], targets: Targets) -> Order:
    for key in ("object_storage", "hdfs"):
        if values.mapping(args, key):
            raise BadInput(f"args.{key}: name a secret and give an s3:// URL instead")
    spec, credentials = parse_preheat(args)
    sealed: dict[str, Any] = {
        "headers": dict(credentials.headers),
        "username": credentials.username,
        "password": credentials.password,
    }
    if spec.type == "image" or spec.scheme == "oci":
        spec = replace(spec, type="image")
        targets.check_literal(parse_reference(spec.urls[0]).base)
    elif spec.scheme in ("http", "https"):
        for url in spec.urls:
            targets.check_literal(url)
        signed = {public(url): url for url in spec.urls if is_signed(url)}
        if signed:
            spec = replace(spec, urls=tuple(_without_right(url) for url in spec.urls))
            sealed["signed"] = signed
    elif spec.scheme == "hf":
        for url in spec.urls:
            parse_target(url, spec.revision)
    if spec.endpoint:
        targets.check_literal(spec.endpoint)
    kept = {key: value for key, value in sealed.items() if value}
    return Order(PREHEAT, shown(args), spec.to_json(), kept)


def _without_right(url: str) -> str:
    """The URL without its query if that is a right, and without a password."""
    scheme, separator, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    bare = f"{scheme}{separator}{host.rpartition('@')[2]}{slash}{path}"
    if not separator or not scheme.startswith("http"):
        return url
    return public(bare) if is_signed(bare) else bare
