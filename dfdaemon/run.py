"""From the command line to a running node: flags, config file, logs, services. Also the seed's."""

from __future__ import annotations

import resource
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import click

from dfdaemon import app
from dfdaemon.config import DaemonConfig, Profile
from dfdaemon.config import log_dir as default_log_dir
from dfdaemon.reload import Reloader
from dfdaemon.task.memory import Memory
from dfinfra import config as settings
from dfinfra import lifecycle, logs, tracing
from dfinfra.command import HELP_OPTIONS, entry, service_options


def command(
    prog: str,
    profile: Profile,
    about: str,
    config_class: type[DaemonConfig] = DaemonConfig,
    memory: Callable[[DaemonConfig], Memory | None] = lambda _config: None,
) -> Callable[[], int]:
    """The entry point of a daemon with this profile; returns the exit code."""

    @click.command(prog, help=about, context_settings=HELP_OPTIONS)
    @click.version_option(package_name="meganeura", prog_name=prog)
    @service_options("proxy.tcpListen.port=65001")
    @click.option("--log-level", default=None, help="debug, info, warning or error.")
    @click.option("--log-dir", type=click.Path(path_type=Path), help="Folder for core.log.")
    @click.option("--console", is_flag=True, help="Log to stderr as well.")
    def run(
        path: Path | None,
        values: dict[str, str],
        log_level: str | None,
        log_dir: Path | None,
        console: bool,
        ready_file: Path | None,
    ) -> int:
        def load() -> DaemonConfig:
            config = settings.load(config_class, path, values)
            log = config.log
            log = replace(
                log,
                level=log_level or ("debug" if config.verbose else log.level),
                dir=log_dir or log.dir,
                console=console or log.console,
            )
            return replace(config, log=log)

        return serve(load, profile, ready_file, memory)

    return entry(run, prog)


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
