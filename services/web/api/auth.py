"""The key that reading and changing subscriptions needs: `Authorization: Bearer attache_<id>_<secret>`."""

from http import HTTPStatus
from typing import Annotated

from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from services.web.context import Here
from services.web.keys import is_valid
from services.web.problems import Problem

BEARER = HTTPBearer(
    scheme_name="ApiKey",
    bearerFormat="attache_<id>_<secret>",
    description="A key made by `attache keys create`.",
    auto_error=False,
)


async def _require_key(
    here: Here, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)]
) -> None:
    if credentials is None:
        raise _refused("This needs an API key: send it as `Authorization: Bearer attache_<id>_<secret>`.")
    if not await is_valid(here.engine, credentials.credentials, now=here.now()):
        raise _refused("The API key is unknown or revoked.", 'Bearer realm="attache", error="invalid_token"')


def _refused(detail: str, challenge: str = 'Bearer realm="attache"') -> Problem:
    return Problem(HTTPStatus.UNAUTHORIZED, detail, headers={"www-authenticate": challenge})


NeedsKey = Depends(_require_key)
