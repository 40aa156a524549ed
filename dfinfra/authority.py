"""A certificate authority of our own, kept in a folder, and what it issues.

A host proves that it belongs to the cluster by a certificate of the cluster's authority. The
proxy uses the same class with an authority of its own for the hosts it intercepts. Keys are
ECDSA P-256; key files have mode 0600. Users import these names from ``dfinfra.tls``.
"""

from __future__ import annotations

import fcntl
import ipaddress
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from dfcore.errors import ConfigError

HOST_NAME = "host.meganeura"
"""What every host's certificate is good for, whatever its host is called."""

_CA_DAYS = 3650
_LEAF_DAYS = 397
# Clocks of nodes differ; a certificate made a moment ago must be valid everywhere.
_BACKDATED = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Identity:
    """Files that prove who a host is: its certificate and key, and whom it trusts."""

    cert: Path
    key: Path
    ca: Path


def host_identity(folder: Path | None) -> Identity | None:
    """The host's certificate in the folder that ``security.dir`` names; None without one.

    Raises ConfigError if a file is not there.
    """
    if folder is None:
        return None
    identity = Identity(folder / "host.crt", folder / "host.key", folder / "ca.crt")
    for path in (identity.cert, identity.key, identity.ca):
        if not path.is_file():
            raise ConfigError(f"security.dir: {path} is missing; `dfctl ca issue` makes it")
    return identity


class Authority:
    """A certificate authority with its key in memory."""

    def __init__(self, cert: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        self._cert = cert
        self._key = key

    @property
    def pem(self) -> bytes:
        """The certificate, for those who shall trust it. Holds no secret."""
        return self._cert.public_bytes(serialization.Encoding.PEM)

    def leaf(
        self, name: str, *, names: Sequence[str], days: int = _LEAF_DAYS
    ) -> tuple[bytes, bytes]:
        """Certificate chain and key, both PEM, for the DNS names and addresses in ``names``."""
        key = ec.generate_private_key(ec.SECP256R1())
        usage = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        builder = (
            _builder(name, self._cert.subject, key.public_key(), days)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(ca=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usage), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()),
                critical=False,
            )
        )
        if names:
            alternatives = x509.SubjectAlternativeName([_general_name(n) for n in names])
            builder = builder.add_extension(alternatives, critical=False)
        cert = builder.sign(self._key, hashes.SHA256())
        return cert.public_bytes(serialization.Encoding.PEM) + self.pem, _key_pem(key)


def create_ca(folder: Path, name: str = "meganeura cluster CA") -> Authority:
    """The authority in ``folder`` (``ca.crt``, ``ca.key``), made if there is none.

    Several processes may call this at once for one folder.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (folder / "ca.key").exists():
            return load_ca(folder / "ca.crt", folder / "ca.key")
        authority, key_pem = _new_authority(name)
        write_private(folder / "ca.crt", authority.pem, mode=0o644)
        write_private(folder / "ca.key", key_pem)
        return authority
    finally:
        os.close(lock)


def load_ca(cert: Path, key: Path) -> Authority:
    """The authority of the two files. Raises ConfigError if they do not make one."""
    try:
        certificate = x509.load_pem_x509_certificate(cert.read_bytes())
        private = serialization.load_pem_private_key(key.read_bytes(), password=None)
    except OSError as error:
        raise ConfigError(f"{error.filename}: {error.strerror}") from error
    except (ValueError, TypeError) as error:
        raise ConfigError(f"{cert}, {key}: not a certificate and its unencrypted key") from error
    if not isinstance(private, ec.EllipticCurvePrivateKey):
        raise ConfigError(f"{key}: must be an elliptic curve key")
    if private.public_key() != certificate.public_key():
        raise ConfigError(f"{key}: is not the key of {cert}")
    return Authority(certificate, private)


def issue(
    authority: Authority,
    folder: Path,
    name: str,
    *,
    ips: Sequence[str] = (),
    dns: Sequence[str] = (),
    days: int = _LEAF_DAYS,
) -> Identity:
    """Make a certificate for a host and write ``<name>.crt``, ``<name>.key``, ``ca.crt``."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    chain, key = authority.leaf(name, names=(HOST_NAME, *dns, *ips), days=days)
    identity = Identity(folder / f"{name}.crt", folder / f"{name}.key", folder / "ca.crt")
    write_private(identity.key, key)
    write_private(identity.cert, chain, mode=0o644)
    write_private(identity.ca, authority.pem, mode=0o644)
    return identity


def write_private(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Write a file whole or not at all, with its mode from the first moment on."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(data)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _new_authority(name: str) -> tuple[Authority, bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    cert = (
        _builder(name, subject, key.public_key(), _CA_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(ca=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    return Authority(cert, key), _key_pem(key)


def _builder(
    name: str, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey, days: int
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + timedelta(days=days) - _BACKDATED)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _key_usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name.strip("[]")))
    except ValueError:
        return x509.DNSName(name.encode("idna").decode() if not name.isascii() else name)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
