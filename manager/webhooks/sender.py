"""Sends what the outbox holds: signed, with time-outs, and again after failures.

``X-Meganeura-Signature: t=<seconds>,v1=<hex>`` is the HMAC-SHA256, with the webhook's secret, over
``<seconds>.<body>``. A receiver that sees an ``X-Meganeura-Delivery`` twice has seen one event: a sender
that was killed may not know that it had sent.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from random import Random

from sqlalchemy.exc import SQLAlchemyError

from dfcore.backoff import Backoff
from dfcore.errors import MeganeuraError
from dfinfra.clock import Clock
from dfinfra.jobs import JobGroup
from dfinfra.logs import get_logger
from manager.changes import Changes
from manager.db.database import Database
from manager.jobs.vault import Vault
from manager.jobs.web import Web
from manager.webhooks import outbox
from manager.webhooks.outbox import Delivery

MAX_ATTEMPTS = 10
TIMEOUT_S = 10.0
LEASE_S = 60.0
AT_ONCE = 16
_BACKOFF = Backoff(base_s=5.0, cap_s=3600.0, factor=3.0)
_POLL_S = 5.0
_PURGE_EVERY = 720

log = get_logger("webhooks")


def signature(secret: str, body: bytes, at_s: int) -> str:
    """The header's value for a body."""
    signed = hmac.new(secret.encode(), f"{at_s}.".encode() + body, hashlib.sha256)
    return f"t={at_s},v1={signed.hexdigest()}"


class Sender:
    """A service."""

    name = "webhooks"

    def __init__(
        self, database: Database, changes: Changes, vault: Vault, web: Web, clock: Clock
    ) -> None:
        self._database = database
        self._changes = changes
        self._vault = vault
        self._web = web
        self._clock = clock
        self._random = Random()
        self._jobs = JobGroup("webhooks")

    async def start(self) -> None:
        """Begin to look for events."""
        self._jobs.spawn(self._keep_sending(), name="send", vital=True)

    async def stop(self) -> None:
        """Send no more; what was under way is sent by somebody else."""
        await self._jobs.cancel_all()

    async def _keep_sending(self) -> None:
        rounds = 0
        while True:
            seen = self._changes.revision(outbox.TOPIC)
            sent = 0
            try:
                if rounds % _PURGE_EVERY == 0:
                    await self._database.run(outbox.purge)
                if await self._database.read(outbox.due):
                    sent = await self._send_some()
            except SQLAlchemyError as problem:
                log.warning("no events sent", reason=type(problem).__name__)
            rounds += 1
            if not sent:
                await self._changes.wait(outbox.TOPIC, seen, _POLL_S)

    async def _send_some(self) -> int:
        taken = await self._database.run(lambda s: outbox.claim(s, LEASE_S, AT_ONCE))
        await asyncio.gather(*(self._send(delivery) for delivery in taken))
        return len(taken)

    async def _send(self, delivery: Delivery) -> None:
        status, error = 0, ""
        try:
            status = await self._post(delivery)
            if not 200 <= status < 300:
                error = f"the receiver answers {status}"
        except MeganeuraError as problem:
            error = str(problem)
        again_s = None
        if error and delivery.attempts < MAX_ATTEMPTS:
            again_s = _BACKOFF.delay_s(delivery.attempts - 1, self._random)
        if error:
            log.info("event not delivered", webhook=delivery.webhook, reason=error, again_s=again_s)
        await self._database.run(
            lambda s: outbox.report(s, delivery, status=status, error=error, again_s=again_s)
        )

    async def _post(self, delivery: Delivery) -> int:
        body = json.dumps(delivery.payload, separators=(",", ":")).encode()
        secret = self._vault.open(delivery.sealed, "webhook").decode()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "meganeura-manager",
            "X-Meganeura-Event": delivery.event,
            "X-Meganeura-Delivery": delivery.event_id,
            "X-Meganeura-Signature": signature(secret, body, int(self._clock.time())),
        }
        answer = await self._web.ask(
            "POST", delivery.url, headers, body, timeout_s=TIMEOUT_S, follow=False
        )
        return answer.status
