"""Templates to HTML: the environment, what every template can use, and blocks on their own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from manager.console.assets import Assets
from manager.console.filters import FILTERS
from manager.console.icons import LOGO, icon

FOLDER = Path(__file__).parent / "templates"


class Renderer:
    """Compiles each template once."""

    def __init__(self, assets: Assets) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(FOLDER),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=StrictUndefined,
            auto_reload=False,
        )
        self._environment.filters.update(FILTERS)
        self._environment.globals.update(icon=icon, logo=LOGO, asset=assets.url)
        self._environment.globals["ui"] = self._environment.get_template("_ui.html").module

    def page(self, template: str, context: Mapping[str, Any]) -> str:
        """The whole page."""
        return self._environment.get_template(template).render(context)

    def blocks(
        self, template: str, names: Iterable[str], context: Mapping[str, Any]
    ) -> dict[str, str]:
        """Some blocks of the page, without what is around them."""
        compiled = self._environment.get_template(template)
        made = compiled.new_context(dict(context))
        return {name: "".join(compiled.blocks[name](made)).strip() for name in names}
