"""A request's body as it comes, bounded in time."""

import asyncio
from collections.abc import AsyncIterator

from fastapi import Request
from starlette.requests import ClientDisconnect

from lookalike.errors import BodyTooSlow, ClientGone


async def chunks(request: Request, patience: float) -> AsyncIterator[bytes]:
    """What comes, when it comes. Raises BodyTooSlow where nothing does for `patience` seconds, ClientGone."""
    coming = request.stream()
    while True:
        try:
            async with asyncio.timeout(patience):
                chunk = await anext(coming, None)
        except TimeoutError:
            raise BodyTooSlow(patience) from None
        except ClientDisconnect:
            raise ClientGone from None
        if chunk is None:
            return
        yield chunk
