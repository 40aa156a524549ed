"""A process that mounts a volume: ``python -m … META-URL MOUNTPOINT [OPTION=VALUE …]``.

Makes the volume (objects in a directory beside the engine or in `bucket=`) if there is none. Tells
"ready" when it is mounted; ends as a mount process does.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from dfcore.errors import NotFound
from dffs.format import Format
from dffs.meta.fs import open_meta
from dffs.meta.types import Settings
from dffs.options import CacheOptions, VolumeOptions
from dffs.vfs.kernel.mounting import MountPlan, mount_volume
from dffs.vfs.kernel.options import CacheTimes, KernelOptions, Squash
from dffs.volume import Volume
from dfinfra import logs


def main() -> int:
    logs.setup("dffs", level="warning")
    url, point = sys.argv[1], Path(sys.argv[2])
    words = dict(word.split("=", 1) for word in sys.argv[3:])
    bucket = words.get("bucket", str(point.parent / "objects"))
    settings = Settings(
        block_size_bytes=int(words.get("block", 1 << 20)),
        acl="acl" in words,
        changelog="changelog" in words,
    )
    make_volume(url, bucket, settings)
    options = replace(
        KernelOptions(),
        cache=CacheTimes(*(float(words.get("ttl", "1")),) * 3, float(words.get("negative", "0"))),
        passthrough="slow" not in words,
        read_only="ro" in words,
        subdir=words.get("subdir", ""),
        acl="acl" in words,
        squash=Squash() if "squash" in words else None,
    )
    dirs = (Path(words["cache"]),) if "cache" in words else ()
    cache = CacheOptions(dirs=dirs, free_ratio=0.0)
    plan = MountPlan(point, "dffs:test", options, config={"volume": "test"}, grace_s=2.0)
    return mount_volume(
        lambda: Volume.open(url, VolumeOptions(cache=cache, mount_point=str(point))),
        plan,
        lambda: print("ready", flush=True),
    )


def make_volume(url: str, bucket: str, settings: Settings) -> None:
    meta = open_meta(url)
    try:
        meta.get_format()
    except NotFound:
        record = Format("test", bucket=bucket, block_size_bytes=settings.block_size_bytes)
        Volume.format_new(url, record, settings)
    finally:
        meta.close()


if __name__ == "__main__":
    sys.exit(main())
