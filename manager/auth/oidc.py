"""Sign-in at a provider of OpenID Connect: authorization code with PKCE, by Authlib.

The provider's addresses and keys come from its discovery document and are kept for an hour. An ID
token counts if it is signed by one of those keys, for this client, by this issuer, and answers this
very sign-in.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import httpx2 as httpx
from authlib.common.security import generate_token
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from dfcore.errors import ConfigError, Unauthorized, Unavailable
from dfinfra.logs import get_logger
from manager.config import OidcConfig

log = get_logger("oidc")

KEPT_S = 3600.0
TIMEOUT_S = 15.0
_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"]


class Provider:
    """One issuer, as configured."""

    def __init__(self, config: OidcConfig) -> None:
        self.config = config
        self._secret = _secret(config)
        self._known: Mapping[str, Any] = {}
        self._keys: Any = None
        self._known_at = float("-inf")

    async def begin(self, redirect_uri: str) -> tuple[str, dict[str, str]]:
        """Where to send the browser, and what it must bring back."""
        known = await self._discover()
        kept = {
            "state": generate_token(32),
            "nonce": generate_token(32),
            "verifier": generate_token(64),
        }
        async with self._client(redirect_uri) as client:
            url, _ = client.create_authorization_url(
                known["authorization_endpoint"],
                state=kept["state"],
                nonce=kept["nonce"],
                code_verifier=kept["verifier"],
            )
        return str(url), kept

    async def finish(self, redirect_uri: str, code: str, kept: Mapping[str, str]) -> dict[str, Any]:
        """The claims about who signed in. Raises Unauthorized, Unavailable."""
        known = await self._discover()
        try:
            async with self._client(redirect_uri) as client:
                token = await client.fetch_token(
                    known["token_endpoint"],
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=kept["verifier"],
                )
        except (OAuthError, httpx.HTTPError) as error:
            log.warning("sign-in refused", provider=self.config.name, reason=type(error).__name__)
            raise Unauthorized(f"{self.config.name} did not confirm the sign-in") from error
        return self._claims(str(token.get("id_token", "")), kept["nonce"])

    def _claims(self, id_token: str, nonce: str) -> dict[str, Any]:
        try:
            decoded = jwt.decode(id_token, self._keys, algorithms=_ALGORITHMS)
            jwt.JWTClaimsRegistry(
                leeway=60,
                iss={"essential": True, "value": self._known["issuer"]},
                aud={"essential": True, "value": self.config.client_id},
                sub={"essential": True},
                exp={"essential": True},
                nonce={"essential": True, "value": nonce},
            ).validate(decoded.claims)
        except (JoseError, ValueError) as error:
            log.warning("ID token refused", provider=self.config.name, reason=str(error)[:200])
            raise Unauthorized(f"{self.config.name} did not confirm the sign-in") from error
        return dict(decoded.claims)

    async def _discover(self) -> Mapping[str, Any]:
        if time.monotonic() - self._known_at < KEPT_S:
            return self._known
        base = self.config.issuer.rstrip("/")
        try:
            async with httpx.AsyncClient(timeout=TIMEOUT_S) as client:
                answer = await client.get(f"{base}/.well-known/openid-configuration")
                answer.raise_for_status()
                known = answer.json()
                keys = await client.get(known["jwks_uri"])
                keys.raise_for_status()
                self._keys = KeySet.import_key_set(keys.json())
        except (httpx.HTTPError, ValueError, KeyError) as error:
            raise Unavailable(f"the sign-in of {self.config.name} does not answer") from error
        if str(known.get("issuer", "")).rstrip("/") != base:
            raise Unavailable(f"{self.config.name} says that it is another issuer")
        self._known, self._known_at = known, time.monotonic()
        return self._known

    def _client(self, redirect_uri: str) -> Any:
        return AsyncOAuth2Client(
            self.config.client_id,
            self._secret,
            scope=" ".join(self.config.scopes),
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
            token_endpoint_auth_method="client_secret_basic" if self._secret else "none",
            timeout=TIMEOUT_S,
        )

    def roles(self, claims: Mapping[str, Any]) -> list[str]:
        """The roles that the groups of the claims have here."""
        groups = claims.get(self.config.groups_claim)
        names = groups if isinstance(groups, list) else [groups]
        found = {self.config.roles[name] for name in names if name in self.config.roles}
        return sorted(found) or [self.config.default_role]


def _secret(config: OidcConfig) -> str | None:
    if config.client_secret_file is None:
        return None
    try:
        return config.client_secret_file.read_text().strip()
    except OSError as error:
        raise ConfigError(
            f"auth.oidc.clientSecretFile: {config.client_secret_file}: {error.strerror}"
        ) from error
