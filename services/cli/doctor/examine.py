"""All checks at once, each within its time, so that one that hangs or fails hides none of the others."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta

from services.cli.doctor.finding import Check, Examined, Finding, failure

LIMIT = timedelta(seconds=8)


async def examine_all(
    checks: Sequence[Check], *, limit: timedelta = LIMIT, told: Callable[[Sequence[str]], None] = lambda _names: None
) -> tuple[Examined, ...]:
    """Make all checks and return what each comes to, in their order; `told` hears who is still at it."""
    open_ = [check.name for check in checks]

    async def one(check: Check) -> Examined:
        findings = await _findings(check, limit)
        open_.remove(check.name)
        told(tuple(open_))
        return Examined(check.name, tuple(findings))

    told(tuple(open_))
    return tuple(await asyncio.gather(*(one(check) for check in checks)))


async def _findings(check: Check, limit: timedelta) -> Sequence[Finding]:
    try:
        async with asyncio.timeout(limit.total_seconds()):
            return await check.examine()
    except TimeoutError:
        return [
            failure(
                f"no answer within {limit.total_seconds():g} s",
                "See whether what is asked hangs or its packets are dropped, as by a firewall.",
            )
        ]
    except Exception as error:  # noqa: BLE001 - a mistake in one check must not hide what the others found
        return [failure(f"the check itself failed: {type(error).__name__}: {error}", "Report this as a mistake.")]
