"""All stations lose their line at the same moment, and all come back at once, charging."""

import asyncio

from simulators.book import Book
from simulators.fleet import Fleet, FleetOptions
from simulators.target import Target

_LOSSES = 3
_LIMIT_S = 60.0


async def run(target: Target) -> Book:
    """Let the target's number of stations charge, and cut all their sockets three times.

    Their identities and id tokens are those of a fleet (see `FleetOptions`), with the target's
    identity as prefix.

    Raises:
        RemoteTarget: If the target is another machine and that was not allowed.
        TimeoutError: If the stations do not all come back within a minute.
    """
    fleet = Fleet(
        FleetOptions(
            url=target.url,
            stations=target.stations,
            versions=(target.version,),
            identity_prefix=target.identity,
            token_prefix=target.id_token.rstrip("0123456789"),
            password=target.password,
            session_s=4,
            duration_s=2 * _LIMIT_S * (_LOSSES + 1),
            drain_s=_LIMIT_S,
            ramp_s=0,
            seed=target.seed,
            answer_timeout_s=target.answer_timeout_s,
            allow_remote=target.allow_remote,
        ),
        target.book,
    )
    async with asyncio.TaskGroup() as group:
        group.create_task(fleet.run())
        try:
            for _ in range(_LOSSES):
                await _all_online(fleet)
                target.book.note("storm", stations=len(fleet.stations))
                for station in fleet.stations:
                    station.cut_link()
            await _all_online(fleet)
        finally:
            fleet.stop()
    return target.book


async def _all_online(fleet: Fleet) -> None:
    async with asyncio.timeout(_LIMIT_S):
        while not all(  # noqa: ASYNC110 - polled, since a thousand stations share no event
            station.is_connected and station.is_admitted for station in fleet.stations
        ):
            await asyncio.sleep(0.02)
