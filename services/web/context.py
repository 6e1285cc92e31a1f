"""What every route needs, handed to it by FastAPI's dependencies."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Path, Request
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.clock import Clock
from shared.telemetry import Health


@dataclass(frozen=True)
class Context:
    """The database, the clock and the health of the process."""

    engine: AsyncEngine
    now: Clock
    health: Health


def _context(request: Request) -> Context:
    context: Context = request.app.state.context
    return context


Here = Annotated[Context, Depends(_context)]
Id = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,64}$", description="The id, as the lists give it.")]
