"""Stations' own pages, and who opened which."""

from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from foundation.clock import SetClock
from foundation.errors import InvalidInput, NotFound
from support import remote_pages
from support.remote_pages import TICKET_LASTS, Opening, PageKnown, RemotePage, WhyEnded
from tests.support.conftest import HELEN, N1, N2, NORA, NORTH, OPERATOR


async def a_page(db: AsyncSession, clock: SetClock, title: str = "Logger") -> RemotePage:
    return await remote_pages.add(
        db,
        N1,
        title=title,
        url="https://10.8.0.5/",
        checks_certificate=False,
        by=HELEN,
        now=clock.now(),
    )


async def opened(db: AsyncSession, clock: SetClock, page: RemotePage) -> tuple[Opening, str]:
    return await remote_pages.open_page(
        db,
        page,
        account=OPERATOR,
        owner=NORTH,
        login_sha256=b"login",
        by=NORA,
        now=clock.now(),
    )


async def test_a_page_has_a_title_of_its_own_and_belongs_to_one_station(
    world: AsyncSession, clock: SetClock
) -> None:
    page = await a_page(world, clock, " Logger ")
    assert page.title == "Logger"
    with pytest.raises(PageKnown):
        await a_page(world, clock)
    for wrong in (" ", "x" * 61):
        with pytest.raises(InvalidInput):
            await a_page(world, clock, wrong)
    for away in (remote_pages.page, remote_pages.remove):
        with pytest.raises(NotFound):
            await away(world, N2, page.id)
    assert [each.id for each in await remote_pages.pages(world, N1)] == [page.id]


async def test_a_ticket_is_good_once_for_a_minute_on_its_own_host(
    world: AsyncSession, clock: SetClock
) -> None:
    page = await a_page(world, clock)
    first, ticket = await opened(world, clock, page)
    late, other = await opened(world, clock, page)
    assert first.label != late.label
    assert await remote_pages.redeem(world, late.label, ticket, clock.now()) is None
    secret = await remote_pages.redeem(world, first.label, ticket, clock.now())
    assert secret is not None
    assert await remote_pages.redeem(world, first.label, ticket, clock.now()) is None
    clock.advance(TICKET_LASTS)
    assert await remote_pages.redeem(world, late.label, other, clock.now()) is None
    used = await remote_pages.used_by(world, first.label, secret)
    assert used is not None
    assert (used.id, used.actor.name) == (first.id, NORA.name)
    assert await remote_pages.used_by(world, late.label, secret) is None
    assert await remote_pages.used_by(world, first.label, ticket) is None


async def test_an_opening_ends_once_and_its_record_outlives_the_page(
    world: AsyncSession, clock: SetClock
) -> None:
    page = await a_page(world, clock)
    opening, ticket = await opened(world, clock, page)
    secret = await remote_pages.redeem(world, opening.label, ticket, clock.now())
    assert secret is not None
    clock.advance(timedelta(minutes=1))
    for _ in range(2):
        await remote_pages.note_use(world, opening.id, requests=1, up=10, down=100, now=clock.now())
    assert await remote_pages.is_entered(world, opening)
    await remote_pages.remove(world, N1, page.id)
    assert not await remote_pages.is_entered(world, opening)
    [running] = await remote_pages.open_ones(world)
    assert (running.requests, running.bytes_up, running.bytes_down) == (2, 20, 200)
    assert running.last_used_at == clock.now()
    ended = await remote_pages.end(world, opening.id, WhyEnded.LOST, clock.now())
    assert ended is not None
    assert await remote_pages.end(world, opening.id, WhyEnded.IDLE, clock.now()) is None
    assert await remote_pages.used_by(world, opening.label, secret) is None
    [kept] = await remote_pages.openings(world, N1, account=OPERATOR)
    assert (kept.title, kept.ended_why) == ("Logger", WhyEnded.LOST)
    assert await remote_pages.openings(world, N1, account=NORTH) == []
