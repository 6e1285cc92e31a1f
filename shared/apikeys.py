"""API keys: `attache_<id>_<secret>`. Pure; the web service checks them, the command line makes them.

The prefix is for secret scanners, the id for the look-up, the secret has 256 random bits, so SHA-256 is enough to
store it by. Base 32 without "_" keeps the three parts apart.
"""

import hashlib
import hmac
import re
from base64 import b32encode
from dataclasses import dataclass, field

ID_BYTES = 10
SECRET_BYTES = 32
RANDOM_BYTES = ID_BYTES + SECRET_BYTES
KEY = re.compile(r"attache_([a-z2-7]{16})_([a-z2-7]{52})")
NO_DIGEST = "0" * 64


@dataclass(frozen=True)
class ApiKey:
    """A key as its owner holds it; `secret` is not stored anywhere."""

    id: str
    secret: str = field(repr=False)

    @property
    def text(self) -> str:
        """The key in one word, as it is shown once and sent with each request."""
        return f"attache_{self.id}_{self.secret}"

    @property
    def digest(self) -> str:
        """What is stored: SHA-256 of the secret, in hex."""
        return hashlib.sha256(self.secret.encode("ascii")).hexdigest()


def generate(randomness: bytes) -> ApiKey:
    """Make a key of RANDOM_BYTES random bytes."""
    if len(randomness) != RANDOM_BYTES:
        raise ValueError(f"a key is made of {RANDOM_BYTES} random bytes, not {len(randomness)}")
    return ApiKey(_base32(randomness[:ID_BYTES]), _base32(randomness[ID_BYTES:]))


def parse(text: str) -> ApiKey | None:
    """Read a key as it was sent, or None if it is not one of ours by form."""
    found = KEY.fullmatch(text)
    return ApiKey(found[1], found[2]) if found else None


def verify(key: ApiKey, stored_digest: str | None) -> bool:
    """Tell whether `key` is the one stored; takes as long for an unknown id (None) as for a wrong secret."""
    equal = hmac.compare_digest(key.digest, stored_digest or NO_DIGEST)
    return equal and stored_digest is not None


def _base32(raw: bytes) -> str:
    return b32encode(raw).decode("ascii").rstrip("=").lower()
