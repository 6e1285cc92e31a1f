"""Deterministic ids: the same content always gets the same id, so a repeat is recognised wherever it arrives."""

import hashlib
from base64 import b32encode

DIGEST_BYTES = 15  # 120 bits, 24 base-32 letters: no collision among 10^12 ids at odds of 10^-12


def stable_id(prefix: str, *parts: str) -> str:
    """Return `prefix_` and 24 letters that depend on every part and on where the parts are divided.

    Parts are length-prefixed before hashing (SHA-256), so ("ab", "c") and ("a", "bc") differ.
    """
    digest = hashlib.sha256()
    for part in parts:
        raw = part.encode("utf-8", "surrogatepass")
        digest.update(len(raw).to_bytes(8, "big"))
        digest.update(raw)
    return f"{prefix}_{b32encode(digest.digest()[:DIGEST_BYTES]).decode('ascii').lower()}"
