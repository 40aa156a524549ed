"""What a preheat job is asked to bring where, read from a request's ``args``. Pure.

Takes Dragonfly's keys as they are (manager/types/job.go of dragonflyoss/dragonfly; keys it does not
know are ignored, as there) and a few of our own: ``hf://``, ``s3://`` and ``dffs://`` URLs, patterns, a
named secret. Credentials are parted from the rest: they are stored enciphered, and dropped when the
job has succeeded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from dfcore.errors import BadInput
from manager.jobs import values
from manager.jobs.hosts import HostChoice, Scope, check_choice

MAX_URLS = 10_000
DEFAULT_TIMEOUT_S = 1800.0
DEFAULT_CONCURRENT_HOSTS = 50
DEFAULT_CONCURRENT_FILES = 8
_SCHEMES = ("http", "https", "hf", "s3", "dffs", "oci")


@dataclass(frozen=True, slots=True)
class Credentials:
    """What opens the origin; never shown."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    def __bool__(self) -> bool:
        return bool(self.headers or self.username or self.password)


@dataclass(frozen=True, slots=True)
class PreheatSpec:
    """One preheat job, without its credentials.

    ``urls`` are of one kind: ``http(s)://`` files, ``hf://org/repo[@rev][/path]``,
    ``s3://bucket/prefix``, ``dffs://volume/path``; of ``type`` image a manifest's URL or
    ``oci://registry/repo:tag``. ``secret`` names the secret that opens the origin.
    """

    type: str
    urls: tuple[str, ...]
    choice: HostChoice = field(default_factory=HostChoice)
    revision: str = ""
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    secret: str = ""
    endpoint: str = ""
    region: str = ""
    tag: str = ""
    application: str = ""
    filtered_query_params: tuple[str, ...] = ()
    piece_length: int | None = None
    content: str = ""
    priority: int = 6
    concurrent_hosts: int = DEFAULT_CONCURRENT_HOSTS
    concurrent_files: int = DEFAULT_CONCURRENT_FILES
    timeout_s: float = DEFAULT_TIMEOUT_S

    @property
    def scheme(self) -> str:
        """Of its URLs."""
        return self.urls[0].partition("://")[0].lower()

    def to_json(self) -> dict[str, Any]:
        """For the database."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> PreheatSpec:
        """What :meth:`to_json` made."""
        kept = dict(stored)
        choice = dict(kept.pop("choice"))
        choice["scope"] = Scope(choice["scope"])
        choice["ips"] = tuple(choice["ips"])
        lists = ("urls", "include", "exclude", "platforms", "filtered_query_params")
        kept |= {name: tuple(kept[name]) for name in lists}
        return cls(choice=HostChoice(**choice), **kept)


def parse_preheat(args: Mapping[str, Any]) -> tuple[PreheatSpec, Credentials]:
    """Read ``args`` of a request. Raises BadInput that names the key."""
    kind = values.text(args, "type") or "file"
    if kind not in ("image", "file"):
        raise BadInput("args.type: must be image or file")
    urls = _urls(args, kind)
    choice = HostChoice(
        scope=_scope(args),
        ips=values.texts(args, "ips"),
        count=values.integer(args, "count", 1, 10_000_000),
        percentage=values.integer(args, "percentage", 1, 100),
    )
    check_choice(choice)
    spec = PreheatSpec(
        type=kind,
        urls=urls,
        choice=choice,
        revision=values.text(args, "revision"),
        include=values.texts(args, "include"),
        exclude=values.texts(args, "exclude"),
        platforms=tuple(p for p in values.text(args, "platform").replace(" ", "").split(",") if p),
        secret=values.text(args, "secret"),
        endpoint=values.text(args, "endpoint"),
        region=values.text(args, "region"),
        tag=values.text(args, "tag"),
        application=values.text(args, "application"),
        filtered_query_params=_filter(args),
        piece_length=values.integer(args, "piece_length", 4 << 20, 64 << 20),
        content=values.text(args, "content_for_calculating_task_id"),
        priority=values.integer(args, "priority", 0, 6) if "priority" in args else 6,  # type: ignore[arg-type]
        concurrent_hosts=_concurrency(args),
        concurrent_files=values.integer(args, "concurrent_task_count", 1, 1000)
        or DEFAULT_CONCURRENT_FILES,
        timeout_s=values.duration_s(args, "timeout") or DEFAULT_TIMEOUT_S,
    )
    if spec.content and (len(urls) > 1 or spec.scheme not in ("http", "https") or kind == "image"):
        raise BadInput("args.content_for_calculating_task_id: is for one http:// or https:// file")
    credentials = Credentials(
        values.pairs(args, "headers"), values.text(args, "username"), values.text(args, "password")
    )
    if spec.secret and credentials:
        raise BadInput("args.secret: give a named secret or credentials, not both")
    return spec, credentials


def _urls(args: Mapping[str, Any], kind: str) -> tuple[str, ...]:
    one = values.text(args, "url")
    urls = tuple(dict.fromkeys((*((one,) if one else ()), *values.texts(args, "urls"))))
    if not urls:
        raise BadInput("args.url: is missing; say what to bring")
    if len(urls) > MAX_URLS:
        raise BadInput(f"args.urls: at most {MAX_URLS}")
    if kind == "image" and len(urls) > 1:
        raise BadInput("args.urls: an image job brings one image")
    schemes = {url.partition("://")[0].lower() if "://" in url else "" for url in urls}
    if kind == "image":
        return urls
    if not schemes <= set(_SCHEMES):
        raise BadInput(f"args.url: must begin with one of {', '.join(f'{s}://' for s in _SCHEMES)}")
    if len({"https" if scheme == "http" else scheme for scheme in schemes}) > 1:
        raise BadInput("args.urls: must all be of one kind")
    return urls


def _scope(args: Mapping[str, Any]) -> Scope:
    word = values.text(args, "scope") or Scope.SINGLE_SEED_PEER
    if word == "single_peer":  # what Harbor called it
        return Scope.SINGLE_SEED_PEER
    try:
        return Scope(word)
    except ValueError:
        raise BadInput(f"args.scope: must be {', '.join(Scope)}") from None


def _filter(args: Mapping[str, Any]) -> tuple[str, ...]:
    """Dragonfly parts them by ``&``; its documents also spell the key in camel case."""
    text = values.text(args, "filtered_query_params") or values.text(args, "filteredQueryParams")
    return tuple(name for name in text.split("&") if name)


def _concurrency(args: Mapping[str, Any]) -> int:
    asked = values.integer(args, "concurrent_peer_count", 0, 100_000)
    return asked or values.integer(args, "concurrent_count", 0, 500) or DEFAULT_CONCURRENT_HOSTS
