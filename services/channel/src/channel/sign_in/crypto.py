"""What is done with the bytes of keys: made, written, sealed and opened again."""

import json
import os
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from jwt.algorithms import ECAlgorithm

from common.ids import new_id

ALGORITHM = "ES256"
_NONCE_BYTES = 12


class CannotOpen(Exception):
    """A sealed key does not open: another secret, another key's bytes, or altered ones."""


def new_private_key() -> ec.EllipticCurvePrivateKey:
    """A new key for ES256."""
    return ec.generate_private_key(ec.SECP256R1())


def public_jwk(private_key: ec.EllipticCurvePrivateKey) -> dict[str, Any]:
    """The public half as others read it, under a key id of its own."""
    public: dict[str, Any] = json.loads(ECAlgorithm.to_jwk(private_key.public_key()))
    return {**public, "kid": str(new_id()), "use": "sig", "alg": ALGORITHM}


def written(private_key: ec.EllipticCurvePrivateKey) -> bytes:
    """The private half as bytes, not sealed."""
    return private_key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def read(private_key: bytes) -> ec.EllipticCurvePrivateKey:
    """The private half that was written."""
    key = serialization.load_der_private_key(private_key, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise CannotOpen("not a key of ours")
    return key


def seal(content: bytes, secret: str, kid: str) -> bytes:
    """The content encrypted with AES-256-GCM and bound to the key id."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + _cipher(secret).encrypt(nonce, content, kid.encode())


def unseal(sealed: bytes, secret: str, kid: str) -> bytes:
    """The content that was sealed under this key id; raises CannotOpen."""
    try:
        return _cipher(secret).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], kid.encode())
    except InvalidTag:
        raise CannotOpen(f"the key {kid} does not open with this secret") from None


def _cipher(secret: str) -> AESGCM:
    derived = HKDF(hashes.SHA256(), 32, salt=None, info=b"fairway signing keys")
    return AESGCM(derived.derive(secret.encode()))
