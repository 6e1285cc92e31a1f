"""When to try again. Pure: the attempt, the server's wish and the random draw come in."""

from datetime import timedelta


def delay(
    attempt: int,
    *,
    base: timedelta,
    cap: timedelta,
    draw: float,
    retry_after: timedelta | None = None,
) -> timedelta:
    """Return the wait before try `attempt` + 1 (attempts count from 0): exponential with jitter, never above `cap`.

    `draw` is a number from 0 to 1. The result lies between half and all of the exponential step, and is at least
    `retry_after` where the server named one (itself limited to `cap`).
    Source: AWS Architecture Blog, "Exponential Backoff and Jitter" (equal jitter).
    """
    doublings = 2.0 ** min(attempt, 64)
    step = cap if base.total_seconds() * doublings >= cap.total_seconds() else base * doublings
    wait = step * (0.5 + 0.5 * draw)
    if retry_after is not None:
        wait = max(wait, min(retry_after, cap))
    return wait
