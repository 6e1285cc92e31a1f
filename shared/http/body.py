"""Reading bodies with the sizes counted while they stream, as received and as inflated."""

import zlib
from collections.abc import AsyncIterator

from shared.http.answers import FailureKind, stop

PLAIN = frozenset({"", "identity"})
COMPRESSED = frozenset({"gzip", "x-gzip", "deflate"})
GZIP_MAGIC = b"\x1f\x8b"


async def inflate(chunks: AsyncIterator[bytes], coding: str, limit: int) -> tuple[int, bytes]:
    """Return how many bytes were received, and the body inflated; stops as soon as either is more than `limit`."""
    coding = coding.strip().lower()
    if coding not in PLAIN | COMPRESSED:
        raise stop(FailureKind.PROTOCOL, f"content encoding {coding[:40]!r} was not asked for")
    inflater = Inflater(limit) if coding in COMPRESSED else None
    received = 0
    body = bytearray()
    async for chunk in chunks:
        received += len(chunk)
        body += inflater.feed(chunk) if inflater else chunk
        if received > limit or len(body) > limit:
            raise stop(FailureKind.TOO_LARGE, f"more than {limit:,} bytes ({received:,} received so far)")
    if inflater and received and not inflater.finished:
        raise stop(FailureKind.PROTOCOL, f"the {coding} stream is cut after {received:,} bytes")
    return received, bytes(body)


async def read_at_most(chunks: AsyncIterator[bytes], limit: int) -> bytes:
    """Return the beginning of a body, up to `limit` bytes."""
    body = bytearray()
    async for chunk in chunks:
        body += chunk
        if len(body) >= limit:
            break
    return bytes(body[:limit])


class Inflater:
    """Inflates gzip (also of several members), zlib and raw deflate, making at most `limit` + 1 bytes at once."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._stream = zlib.decompressobj(zlib.MAX_WBITS | 32)
        self._started = False
        self.finished = False

    def feed(self, data: bytes) -> bytes:
        """Return what `data` inflates to, cut off above the limit; raises Stopped where the stream is broken."""
        made = bytearray()
        while data and len(made) <= self._limit:
            if self.finished:
                if not data.startswith(GZIP_MAGIC):
                    break  # padding after the last member
                self._stream = zlib.decompressobj(zlib.MAX_WBITS | 32)
                self.finished = False
            try:
                made += self._stream.decompress(data, self._limit + 1 - len(made))
            except zlib.error as error:
                if self._started:
                    raise stop(FailureKind.PROTOCOL, f"broken compressed stream: {error}") from error
                self._stream = zlib.decompressobj(-zlib.MAX_WBITS)  # deflate without its wrapper is common
                self._started = True
                continue
            self._started = True
            self.finished = self._stream.eof
            data = self._stream.unused_data if self.finished else self._stream.unconsumed_tail
        return bytes(made)
