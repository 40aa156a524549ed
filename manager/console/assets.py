"""Style, scripts and fonts: files of the package, named by their content, kept for a year."""

from __future__ import annotations

import gzip
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from dfcore.errors import NotFound

FOLDER = Path(__file__).parent / "static"
PREFIX = "/assets"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
_URL = re.compile(r'url\("([^"]+)"\)')
_IMPORT = re.compile(r'(from |import )"\./([^"]+)"')


@dataclass(frozen=True, slots=True)
class Asset:
    content: bytes
    zipped: bytes | None
    """None where it would not be smaller."""
    content_type: str
    tag: str


class Assets:
    """Read once, at start. `url` names the version that is served."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._assets: dict[str, Asset] = {}
        names = [p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.suffix in _TYPES]
        # Scripts and sheets name other files: those first, so that their versions are known.
        for name in sorted(names, key=lambda name: (Path(name).suffix in (".css", ".js"), name)):
            self._load(folder, name)

    def _load(self, folder: Path, name: str) -> Asset:
        if name in self._assets:
            return self._assets[name]
        path = folder / name
        content = path.read_bytes()
        if path.suffix == ".css":
            content = _URL.sub(lambda m: f'url("{self.url(m[1])}")', content.decode()).encode()
        elif path.suffix == ".js":
            content = _IMPORT.sub(
                lambda m: f'{m[1]}"{self._imported(folder, m[2])}"', content.decode()
            ).encode()
        zipped = gzip.compress(content, 9, mtime=0)
        asset = Asset(
            content,
            zipped if len(zipped) < 0.9 * len(content) else None,
            _TYPES[path.suffix],
            hashlib.sha256(content).hexdigest()[:12],
        )
        self._assets[name] = asset
        return asset

    def _imported(self, folder: Path, name: str) -> str:
        self._load(folder, name)
        return self.url(name)

    def url(self, name: str) -> str:
        """Where browsers find the file. KeyError if there is none: templates are tested."""
        return f"{PREFIX}/{self._assets[name].tag}/{name}"

    def answer(self, tag: str, name: str, accept_encoding: str) -> web.Response:
        """The file; an older version's name is answered with the present one, uncached."""
        asset = self._assets.get(name)
        if asset is None:
            raise NotFound(f"there is no {name[:80]}")
        fresh = tag == asset.tag
        headers = {
            "Content-Type": asset.content_type,
            "Cache-Control": "public, max-age=31536000, immutable" if fresh else "no-cache",
            "X-Content-Type-Options": "nosniff",
            "Vary": "Accept-Encoding",
        }
        if asset.zipped is not None and "gzip" in accept_encoding:
            return web.Response(body=asset.zipped, headers=headers | {"Content-Encoding": "gzip"})
        return web.Response(body=asset.content, headers=headers)
