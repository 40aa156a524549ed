"""The webhook's https listener: two paths, one for all pods, one for name spaces that asked for it.

An API server calls ``/mutate`` for pods whose annotation may ask, and ``/mutate/namespace`` for those of
name spaces that carry the label: which is which is the webhook configuration's selector, so that the
injector needs no right to read anything of the cluster.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from pathlib import Path

from aiohttp import web

from dfcore.errors import BadInput, ConfigError
from dfinfra import jobs
from dfinfra.http import HttpServer
from dfinfra.logs import get_logger
from dfkube.injector import review
from dfkube.injector.config import InjectorConfig

LONGEST_REVIEW = 8 << 20
LOOK_S = 10.0
"""How often the certificate's files are looked at."""

_log = get_logger("injector")


class Certificate:
    """The server's certificate; handshakes that begin after a change get the new one."""

    def __init__(self, folder: Path) -> None:
        """Read it. Raises ConfigError."""
        self._files = (folder / "tls.crt", folder / "tls.key")
        self._seen: tuple[int, ...] = ()
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.refresh()

    def refresh(self) -> bool:
        """Read the files again if they changed; True if they did. Raises ConfigError."""
        try:
            seen = tuple(file.stat().st_mtime_ns for file in self._files)
            if seen == self._seen:
                return False
            self.context.load_cert_chain(*self._files)
        except (OSError, ssl.SSLError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise ConfigError(f"tlsDir: {self._files[0].parent}: {reason}") from error
        self._seen = seen
        return True


class Injector:
    """Answers reviews; implements ``dfinfra.lifecycle.Service``."""

    name = "injector"

    def __init__(self, config: InjectorConfig) -> None:
        self._config = config
        self._certificate = Certificate(config.tls_dir)
        app = web.Application(client_max_size=LONGEST_REVIEW)
        app.add_routes(
            [
                web.get("/healthy", self._healthy),
                web.post("/mutate", self._for_any),
                web.post("/mutate/namespace", self._for_willing),
            ]
        )
        self._http = HttpServer(
            "injector",
            app,
            config.listen_ip,
            config.port,
            tls=self._certificate.context,
            grace_s=config.grace_s,
        )
        self._jobs = jobs.JobGroup("injector")

    @property
    def port(self) -> int:
        """The port it listens at, once started."""
        return self._http.port

    async def start(self) -> None:
        await self._http.start()
        self._jobs.spawn(self._watch(), name="certificate")

    async def stop(self) -> None:
        await self._jobs.cancel_all()
        await self._http.stop()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                if self._certificate.refresh():
                    _log.info("the certificate was renewed")
            except ConfigError as error:
                # Half-written: the next look finds both files.
                _log.warning("the certificate cannot be read", reason=str(error))

    async def _healthy(self, _: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _for_any(self, request: web.Request) -> web.Response:
        return await self._answer(request, {})

    async def _for_willing(self, request: web.Request) -> web.Response:
        return await self._answer(request, {self._config.namespace_label: "enabled"})

    async def _answer(self, request: web.Request, labels: dict[str, str]) -> web.Response:
        try:
            asked = json.loads(await request.read())
            told = review.answer(asked, labels, self._config)
        except (ValueError, BadInput) as error:
            return web.Response(status=400, text=f"{error}\n")
        if "patch" in told["response"]:
            _log.info("pod changed", namespace=review.namespace_of(asked))
        return web.json_response(told)
