"""From the command line to a running node: flags, config file, logs, services. Also the seed's."""

from __future__ import annotations

import resource
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import click

from dfcore.errors import BadInput
from dfdaemon import app
from dfdaemon.config import DaemonConfig, Profile
from dfdaemon.config import log_dir as default_log_dir
from dfdaemon.reload import Reloader
from dfdaemon.task.memory import Memory
from dfinfra import config as settings
from dfinfra import lifecycle, logs, tracing


def command(
    prog: str,
    profile: Profile,
    about: str,
    config_class: type[DaemonConfig] = DaemonConfig,
    memory: Callable[[DaemonConfig], Memory | None] = lambda _config: None,
) -> Callable[[], int]:
    """The entry point of a daemon with this profile; returns the exit code."""

    @click.command(prog, help=about, context_settings={"help_option_names": ["-h", "--help"]})
    @click.version_option(package_name="meganeura", prog_name=prog)
    @click.option("--config", "path", type=click.Path(path_type=Path), help="YAML file.")
    @click.option(
        "--set",
        "overrides",
        multiple=True,
        metavar="KEY=VALUE",
        help="Override one key of the file, e.g. proxy.tcpListen.port=65001. May be repeated.",
    )
    @click.option("--log-level", default=None, help="debug, info, warning or error.")
    @click.option("--log-dir", type=click.Path(path_type=Path), help="Folder for core.log.")
    @click.option("--console", is_flag=True, help="Log to stderr as well.")
    @click.option("--ready-file", type=click.Path(path_type=Path), help="Written when ready.")
    def run(
        path: Path | None,
        overrides: tuple[str, ...],
        log_level: str | None,
        log_dir: Path | None,
        console: bool,
        ready_file: Path | None,
    ) -> int:
        def load() -> DaemonConfig:
            config = settings.load(config_class, path, dict(_pair(text) for text in overrides))
            log = config.log
            log = replace(
                log,
                level=log_level or ("debug" if config.verbose else log.level),
                dir=log_dir or log.dir,
                console=console or log.console,
            )
            return replace(config, log=log)

        return serve(load, profile, ready_file, memory)

    def main() -> int:
        def invoke() -> int:
            try:
                return int(run.main(standalone_mode=False) or 0)
            except click.ClickException as error:
                raise BadInput(error.format_message()) from error
            except click.exceptions.Abort:
                return 130

        return lifecycle.main_guard(invoke, prog=prog)

    return main


def _pair(text: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not separator or not key:
        raise BadInput(f"--set {text}: must be KEY=VALUE")
    return key, value


def _raise_file_limit() -> None:
    """Each blob under way and each connection holds descriptors; the soft limit is often 1024."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def serve(
    load: Callable[[], DaemonConfig],
    profile: Profile,
    ready_file: Path | None,
    memory: Callable[[DaemonConfig], Memory | None] = lambda _config: None,
) -> int:
    """Run a node until it is told to stop; returns the exit code. ``load`` reads its settings."""
    config = load()
    folder = config.log.dir or default_log_dir(profile.log_name)
    opened = logs.setup(
        profile.service,
        folder,
        config.log.level,
        config.log.console,
        rotate_size_bytes=config.log.rotate_size_bytes,
        rotate_count=config.log.rotate_count,
    )

    _raise_file_limit()
    if config.tracing.endpoint:
        tracing.setup(profile.service, config.tracing.endpoint, config.host.name)

    async def work() -> int:
        node = app.build(config, profile, memory(config))
        services = [*node.services, Reloader(config, load, node.apply_limits)]
        return await lifecycle.run(services, grace_s=config.stop_grace_s, ready_file=ready_file)

    try:
        return lifecycle.run_loop(work, loop=config.loop)
    finally:
        tracing.flush()
        opened.close()
