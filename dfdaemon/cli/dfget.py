"""``dfget URL -O FILE``: downloads through the node's daemon. The command line only.

Options are those of Dragonfly's dfget (dragonflyoss/client, bin/dfget) where they make sense; each has
an environment variable (``DFGET_OUTPUT`` and so on).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from dfcore.errors import BadInput
from dfcore.pieces import MAX_PIECE_LENGTH, MIN_PIECE_LENGTH
from dfcore.quantities import format_duration, format_size
from dfdaemon.cli.entry import DIGEST, HEADER, SIZE, run_async
from dfdaemon.cli.get import Summary, get
from dfdaemon.cli.hubfiles import token_of_environment
from dfdaemon.cli.items import DEFAULT_HUB, GetOptions, StorageOptions
from dfdaemon.task.spec import Headers
from dfinfra.clock import SystemClock
from dfinfra.command import DURATION, entry

_PATH = click.Path(path_type=Path)

_EPILOG = """\b
Examples:
  dfget https://example.com/big.iso -O big.iso
  dfget hf://openai-community/gpt2/model.safetensors -O model.safetensors
  dfget hf://datasets/owner/name@v1.0 -O name/
  dfget s3://bucket/folder -r -O folder/
A token is best kept in HF_TOKEN or in the file that `hf auth login` writes: what stands on the command
line can be read by every user of the machine. The same holds for --header; DFGET_HEADER takes headers,
one a line."""


@click.command(
    "dfget",
    epilog=_EPILOG,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "auto_envvar_prefix": "DFGET",
        "max_content_width": 100,
    },
)
@click.version_option(package_name="meganeura", prog_name="dfget")
@click.argument("url")
@click.option(
    "-O", "--output", type=_PATH, help="File, or folder for several files. [default: here]"
)
@click.option(
    "-r", "--recursive", is_flag=True, help="All files below an hf://, s3:// or gs:// URL."
)
@click.option("--include-files", multiple=True, metavar="GLOB", help="Only these. Repeatable.")
@click.option("--overwrite", is_flag=True, help="Replace files that exist.")
@click.option("--force-hard-link", is_flag=True, help="Fail if the file cannot be a hard link.")
@click.option("--digest", type=DIGEST, help="What the content must be, e.g. sha256:<hex>.")
@click.option("--timeout", "timeout_s", type=DURATION, default="2h", show_default=True)
@click.option("--tag", default="", help="Keeps downloads of one URL apart.")
@click.option("--application", default="", help="Who asks; part of the task's id, as the tag is.")
@click.option("-H", "--header", type=HEADER, multiple=True, help="For the origin. Repeatable.")
@click.option("--filtered-query-param", multiple=True, metavar="NAME", help="Not part of the id.")
@click.option(
    "--content-for-calculating-task-id", "content", help="Names the content, not the URL."
)
@click.option("--piece-length", type=SIZE, help="A power of two, 4MiB to 64MiB.")
@click.option("--priority", type=click.IntRange(0, 6), default=6, show_default=True)
@click.option("--disable-back-to-source", is_flag=True, help="Only from the swarm.")
@click.option(
    "--max-concurrent-requests",
    "concurrent",
    type=click.IntRange(1, 64),
    default=4,
    show_default=True,
    help="Files at once.",
)
@click.option("--no-progress", is_flag=True, help="No bar, no summary.")
@click.option("--endpoint", type=_PATH, help="Unix socket of dfdaemon.")
@click.option(
    "--hf-endpoint",
    envvar=["DFGET_HF_ENDPOINT", "HF_ENDPOINT"],
    default=DEFAULT_HUB,
    show_default=True,
    help="The Hub, or a node's mirror of it. [env: HF_ENDPOINT]",
)
@click.option("--hf-token", help="[env: HF_TOKEN, or huggingface_hub's token file]")
@click.option("--storage-region")
@click.option("--storage-endpoint")
@click.option("--storage-access-key-id", help="[env: AWS_ACCESS_KEY_ID]")
@click.option("--storage-access-key-secret", help="[env: AWS_SECRET_ACCESS_KEY]")
@click.option("--storage-session-token", help="[env: AWS_SESSION_TOKEN]")
@click.option("--storage-credential-path", type=_PATH, help="Service account file, for gs://.")
def command(url: str, **flags: Any) -> int:
    """Download URL through the node's dfdaemon and its swarm.

    URL is http(s)://…, hf://[datasets/|spaces/]owner/repo[@rev][/path], s3://bucket/key or
    gs://bucket/key. A repository or a folder comes whole, a few files at once. A run that was cut off
    goes on where it was.
    """
    options = _options(url, flags)
    clock = SystemClock()
    began = clock.monotonic()
    summary = run_async(get(options))
    console = Console(stderr=True)
    if console.is_terminal and not options.no_progress:
        _tell(console, summary, clock.monotonic() - began)
    return 0


def _options(url: str, flags: dict[str, Any]) -> GetOptions:
    headers = Headers(dict(flags.pop("header")))
    names = [name for name in flags if name.startswith("storage_")]
    storage = {name.removeprefix("storage_"): flags.pop(name) for name in names}
    flags["hf_token"] = flags["hf_token"] or token_of_environment(os.environ)
    flags["filtered_query_params"] = flags.pop("filtered_query_param")
    piece_length = flags["piece_length"]
    if piece_length is not None and not _is_piece_length(piece_length):
        raise BadInput("--piece-length must be a power of two from 4MiB to 64MiB")
    return GetOptions(url=url, headers=headers, storage=StorageOptions(**storage), **flags)


def _is_piece_length(length: int) -> bool:
    return MIN_PIECE_LENGTH <= length <= MAX_PIECE_LENGTH and not length & (length - 1)


def _tell(console: Console, summary: Summary, took_s: float) -> None:
    files = f"{summary.files} files, " if summary.files > 1 else ""
    there = f" ({summary.were_there} were there)" if summary.were_there else ""
    size = format_size(summary.size_bytes)
    console.print(f"{files}{size} in {format_duration(took_s)}{there}", highlight=False)


main = entry(command, "dfget")

if __name__ == "__main__":
    sys.exit(main())
