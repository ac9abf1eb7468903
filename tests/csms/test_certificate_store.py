"""What stations hold, as it is stored."""

from datetime import timedelta

from sqlalchemy import text

from csms import certificate_store
from csms.certificates import facts_of, hash_data_of
from tests.csms.handlers.work import Work
from tests.pki import Authority

ROOT = "CSMSRootCertificate"


async def test_a_certificate_that_is_listed_is_the_one_that_was_installed(work: Work) -> None:
    station, at = await _station(work), work.clock.now()
    roots = [Authority.root("A"), Authority.root("B")]
    for each in roots:
        facts = facts_of(each.certificate)
        await certificate_store.keep_known(
            work.db, station, ROOT, facts, None, source="installed", at=at
        )
    later = at + timedelta(days=1)
    named = hash_data_of(roots[0].certificate, algorithm="SHA512")
    await certificate_store.keep_reported(work.db, station, (ROOT,), [(ROOT, 0, named)], later)
    [kept] = await certificate_store.held(work.db, station)
    assert (kept.subject, kept.hash_algorithm, kept.source) == ("CN=A", "SHA512", "installed")
    assert (kept.first_seen_at, kept.last_seen_at) == (at, later)
    other = hash_data_of(roots[1].certificate)
    await certificate_store.forget_deleted(work.db, station, other.payload(), later)
    assert len(await certificate_store.held(work.db, station)) == 1
    await certificate_store.forget_deleted(work.db, station, named.payload(), later)
    assert await certificate_store.held(work.db, station) == []


async def test_a_station_has_one_certificate_of_its_own_and_lists_never_take_it(
    work: Work,
) -> None:
    station, at = await _station(work), work.clock.now()
    authority = Authority.root()
    for _ in range(2):
        facts = facts_of(authority.issue(station).certificate)
        await certificate_store.keep_own(work.db, station, facts, source="shown", at=at)
    await certificate_store.keep_reported(work.db, station, None, [], at)
    [own] = await certificate_store.held(work.db, station)
    assert own.serial_number == facts.serial_number


async def test_without_an_upgrade_a_station_that_comes_up_higher_stays_where_it_is(
    work: Work,
) -> None:
    station = await _station(work)
    assert not await certificate_store.come_up_to(work.db, station, 3, work.clock.now())
    assert await certificate_store.longest_chain(work.db, station) is None
    assert station in await certificate_store.names_of(work.db, station)


async def _station(work: Work) -> str:
    return str(
        await work.db.scalar(text("select identity from stations order by identity limit 1"))
    )
