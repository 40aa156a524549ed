"""From a click command to a process: exit codes, errors of one line, and the options all services have.

Exit code 2 means that what the user gave makes no sense, 1 that the work failed, 130 Ctrl-C.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Generic, TypeVar

import click

from dfcore.errors import BadInput, MeganeuraError
from dfcore.quantities import parse_duration
from dfinfra import lifecycle

# A group without a subcommand; older versions of click print the help by themselves.
_HELP_INSTEAD: Any = getattr(click.exceptions, "NoArgsIsHelpError", ())

T = TypeVar("T")
Decorated = TypeVar("Decorated", bound=Callable[..., Any])

HELP_OPTIONS = {"help_option_names": ["-h", "--help"]}
"""The ``context_settings`` of every command."""


def entry(command: click.Command, prog: str, *, files_are_named: bool = False) -> Callable[[], int]:
    """The console script of a command; returns the exit code, and never raises.

    With ``files_are_named`` the user names files and devices: an OSError is then a line that tells
    which, instead of a bug.
    """

    def invoke() -> int:
        try:
            return int(command.main(prog_name=prog, standalone_mode=False) or 0)
        except _HELP_INSTEAD as error:
            click.echo(error.format_message(), err=True)
            return 2
        except click.ClickException as error:
            raise BadInput(error.format_message()) from error
        except click.exceptions.Abort:
            return 130
        except OSError as error:
            if not files_are_named:
                raise
            what = error.strerror or str(error)
            told = f"{error.filename}: {what}" if error.filename else what
            raise MeganeuraError(told) from error

    def main() -> int:
        return lifecycle.main_guard(invoke, prog=prog)

    return main


def overrides(texts: Iterable[str]) -> dict[str, str]:
    """What ``--set KEY=VALUE`` says, for ``dfinfra.config.load``. Raises BadInput."""
    values = {}
    for text in texts:
        key, separator, value = text.partition("=")
        if not separator or not key:
            raise BadInput(f"--set {text}: must be KEY=VALUE")
        values[key] = value
    return values


def service_options(example: str) -> Callable[[Decorated], Decorated]:
    """``--config`` (``path``), ``--set`` (``values``, a dict) and ``--ready-file`` of a service.

    ``example`` is an override of the service's that makes sense.
    """
    path = click.Path(path_type=Path)
    options = (
        click.option("--config", "path", type=path, help="YAML file."),
        click.option(
            "--set",
            "values",
            multiple=True,
            metavar="KEY=VALUE",
            callback=lambda _context, _parameter, texts: overrides(texts),
            help=f"Override one key of the file, e.g. {example}. May be repeated.",
        ),
        click.option("--ready-file", type=path, help="Written when ready."),
    )

    def decorate(function: Decorated) -> Decorated:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


class Parsed(click.ParamType, Generic[T]):  # type: ignore[type-arg]  # generic in newer ones only
    """An option's value, read by a function that raises BadInput."""

    def __init__(self, name: str, parse: Callable[[str], T]) -> None:
        self.name = name
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> T:
        """Called by click; values that come from defaults are converted already."""
        if not isinstance(value, str):
            return value  # type: ignore[no-any-return]
        try:
            return self._parse(value)
        except BadInput as error:
            self.fail(str(error), param, ctx)


DURATION: Parsed[float] = Parsed("duration", parse_duration)
