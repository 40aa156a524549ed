"""``dfinit``: has a node's container runtimes pull through its daemon, and undoes that."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from dfcore.errors import ConfigError
from dfinfra.command import HELP_OPTIONS, entry
from dfkube.dfinit.journal import Journal
from dfkube.dfinit.runtimes import HUB, Runtime, Wish, files_of, restarts, wanted

JOURNAL = "var/lib/meganeura/dfinit.json"

root_option = click.option(
    "--root",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=Path("/"),
    show_default=True,
    help="The node's file system, where a container mounts it.",
)


@click.group("dfinit", help=__doc__, context_settings=HELP_OPTIONS)
@click.version_option(package_name="meganeura", prog_name="dfinit")
def command() -> None:
    pass


@command.command("apply", help="Have images pulled through the node's daemon.")
@click.option(
    "--runtime",
    "names",
    multiple=True,
    type=click.Choice([runtime.value for runtime in Runtime]),
    help="Which; those that are here by default.",
)
@click.option("--registry", "registries", multiple=True, default=(HUB,), show_default=True)
@click.option("--proxy", default=Wish.__dataclass_fields__["proxy"].default, show_default=True)
@root_option
def apply(names: tuple[str, ...], registries: tuple[str, ...], proxy: str, root: Path) -> None:
    wish = Wish(proxy, registries)
    journal = Journal(root / JOURNAL, root)
    runtimes = [Runtime(name) for name in names] or _present(root)
    if not runtimes:
        raise ConfigError("no container runtime is configured here; name one with --runtime")
    for runtime in runtimes:
        there = {name: journal.text_of(name) for name in files_of(runtime)}
        changed = journal.apply(wanted(runtime, wish, there))
        for name in changed:
            click.echo(f"{runtime.value}: wrote /{name}")
        if not changed:
            click.echo(f"{runtime.value}: is as wished")
        if restart := restarts(runtime, changed):
            click.echo(f"{runtime.value}: takes effect after: {restart}")


@command.command("undo", help="Put back what apply has changed.")
@root_option
def undo(root: Path) -> int:
    restored, foreign = Journal(root / JOURNAL, root).undo()
    for name in restored:
        click.echo(f"put back /{name}")
    for name in foreign:
        click.echo(f"/{name}: was changed by others since; it is left as it is", err=True)
    return 1 if foreign else 0


def _present(root: Path) -> list[Runtime]:
    """The runtimes whose folders are here."""
    folders = {
        Runtime.CONTAINERD: "etc/containerd",
        Runtime.DOCKER: "etc/docker",
        Runtime.CRIO: "etc/crio",
        Runtime.PODMAN: "etc/containers",
    }
    return [runtime for runtime, folder in folders.items() if (root / folder).is_dir()]


main = entry(command, "dfinit")


if __name__ == "__main__":
    sys.exit(main())
