"""Who may use a gateway: access keys and their secrets, from the environment or a file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from dfcore.errors import BadInput, ConfigError

# The second pair is what users of MinIO and juicefs gateway have set already.
VARIABLES = (
    ("DFFS_ACCESS_KEY", "DFFS_SECRET_KEY"),
    ("MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD"),
)
_SHORTEST = 8


def load_keys(file: Path | None, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Secrets by access key. Raises BadInput if there are none; no message holds a secret."""
    keys = _of_file(file) if file is not None else {}
    for name, secret_name in VARIABLES:
        if environ.get(name) and environ.get(secret_name):
            keys.setdefault(environ[name], environ[secret_name])
    if not keys:
        raise BadInput(
            f"the gateway needs keys: set {VARIABLES[0][0]} and {VARIABLES[0][1]}, or name a file of"
            " lines `access-key:secret-key` by --keys"
        )
    for key, secret in keys.items():
        if len(secret) < _SHORTEST:
            raise BadInput(f"the secret of access key {key} is shorter than {_SHORTEST} characters")
    return keys


def _of_file(file: Path) -> dict[str, str]:
    keys = {}
    if file.stat().st_mode & 0o004:
        raise ConfigError(f"{file}: everybody may read it; chmod 600 it")
    for number, line in enumerate(file.read_text().splitlines(), 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        key, colon, secret = text.partition(":")
        if not colon or not key.strip() or not secret.strip():
            raise ConfigError(f"{file}, line {number}: not `access-key:secret-key`")
        keys[key.strip()] = secret.strip()
    return keys
