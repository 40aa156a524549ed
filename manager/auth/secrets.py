"""Passwords, and the random tokens of sessions and scripts.

Passwords are kept as argon2id hashes (OWASP's parameters: 19 MiB, two passes). Tokens have 256
random bits and are kept as their sha256: whoever reads the database cannot sign in with what is
there.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from dfcore.errors import BadInput

SESSION_PREFIX, TOKEN_PREFIX = "mgs_", "mgt_"
MIN_PASSWORD, MAX_PASSWORD = 8, 128

_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# Verified for names that do not exist, so that they take as long as those that do.
_NOBODYS = _hasher.hash("nobody has this password")


def hash_password(password: str) -> str:
    """The hash to keep; takes about 30 ms. Raises BadInput."""
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise BadInput(f"a password has {MIN_PASSWORD} to {MAX_PASSWORD} characters")
    return _hasher.hash(password)


def verify_password(kept: str, password: str) -> bool:
    """Whether the password is the one; as slow for an empty hash, which no password fits."""
    try:
        return _hasher.verify(kept or _NOBODYS, password) and bool(kept)
    except (VerificationError, InvalidHashError):
        return False


def needs_rehash(kept: str) -> bool:
    """Whether the hash was made with other parameters than today's."""
    return _hasher.check_needs_rehash(kept)


def new_password() -> str:
    """A random password that can be typed."""
    alphabet = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
    return "".join(secrets.choice(alphabet) for _ in range(24))


def new_token(prefix: str) -> str:
    """A random token."""
    return prefix + secrets.token_urlsafe(32)


def hash_token(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def csrf_of(session_token: str) -> str:
    """What a page of the session must send along with every change."""
    return hmac.new(session_token.encode(), b"meganeura csrf", hashlib.sha256).hexdigest()


def same(one: str, other: str) -> bool:
    """Whether two texts are equal, in a time that does not tell where they differ."""
    return hmac.compare_digest(one.encode(), other.encode())
