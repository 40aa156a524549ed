"""The icons of `icons.svg`, and the mark of the project."""

from __future__ import annotations

import re
from pathlib import Path

from markupsafe import Markup

_FILE = Path(__file__).parent / "icons.svg"
_SYMBOL = re.compile(r'<symbol id="([a-z]+)">(.*)</symbol>')
_DRAWINGS = {name: Markup(strokes) for name, strokes in _SYMBOL.findall(_FILE.read_text())}


def icon(name: str, size: str = "") -> Markup:
    """One icon; decoration only, the text beside it says the same."""
    return Markup('<svg class="icon {}" viewBox="0 0 24 24" aria-hidden="true">{}</svg>').format(
        size, _DRAWINGS[name]
    )


LOGO = Markup(
    '<svg viewBox="0 0 32 32" aria-hidden="true"><defs><linearGradient id="wing" x1="0" x2="1" y1="0"'
    ' y2="1"><stop offset="0" stop-color="#2dd0bf"/><stop offset="1" stop-color="#6a6df0"/>'
    '</linearGradient></defs><g fill="url(#wing)">'
    '<ellipse cx="8.6" cy="10.6" rx="7.8" ry="2.7" transform="rotate(16 8.6 10.6)"/>'
    '<ellipse cx="23.4" cy="10.6" rx="7.8" ry="2.7" transform="rotate(-16 23.4 10.6)"/>'
    '<ellipse cx="9.8" cy="16.2" rx="6.6" ry="2.2" opacity=".75" '
    'transform="rotate(-14 9.8 16.2)"/>'
    '<ellipse cx="22.2" cy="16.2" rx="6.6" ry="2.2" opacity=".75" '
    'transform="rotate(14 22.2 16.2)"/></g>'
    '<path d="M16 8.500V29" stroke="#e0912a" stroke-width="2.6" stroke-linecap="round"/>'
    '<circle cx="16" cy="6.6" r="2.9" fill="#e0912a"/></svg>'
)
