"""Requests for certificates, taken in or refused."""

from datetime import timedelta

from sqlalchemy import text

from csms import authorities
from csms.handlers.certificates import REFUSED, REQUESTS_A_DAY, certificates_wished
from csms.reports import CertificateWishAnswer, CertificateWishReport
from foundation.sealing import Sealer
from tests.csms.handlers.work import Work
from tests.csms.ocpp.said import V16
from tests.pki import csr


async def test_without_an_authority_a_request_is_refused_and_a_person_told(work: Work) -> None:
    report = work.report(V16, "SignCertificate", {"csr": csr("CS-1")}, CertificateWishReport)
    identity = report.origin.station
    good = work.report(V16, "SignCertificate", {"csr": csr(identity)}, CertificateWishReport)
    [answer] = await certificates_wished(work.db, work.context, [good])
    assert not answer.is_accepted
    assert answer.reason is not None
    assert "leitstand ca create" in answer.reason
    kept = await work.db.scalars(text("select details ->> 'type' from station_events"))
    assert set(kept) == {REFUSED}


async def _with_authority(work: Work) -> None:
    await authorities.create(
        work.db,
        Sealer(bytes(32)),
        purpose="station",
        name="Stations",
        organisation="Operator",
        days=30,
        by="test",
        now=work.clock.now(),
    )


async def _wished(work: Work, name: str) -> CertificateWishAnswer:
    report = work.report(V16, "SignCertificate", {"csr": csr(name)}, CertificateWishReport)
    [answer] = await certificates_wished(work.db, work.context, [report])
    return answer


async def test_a_station_gets_no_certificate_in_anothers_name(work: Work) -> None:
    """It tells its serial number itself: with another's it could come as that one."""
    await _with_authority(work)
    first, other = await work.db.scalars(text("select identity from stations order by identity"))
    told = text("update stations set serial_number = :told where identity = :first")
    for serial, is_good in (("SN-1", True), (other, False), (other.lower(), False)):
        await work.db.execute(told, {"told": serial, "first": first})
        answer = await _wished(work, serial)
        assert answer.is_accepted is is_good, answer.reason
    assert (await _wished(work, first)).is_accepted


async def test_a_station_that_waits_for_its_admission_gets_no_certificate(work: Work) -> None:
    """Whoever comes first under a name would keep it, whatever is decided about him."""
    await _with_authority(work)
    first = await work.db.scalar(text("select identity from stations order by identity limit 1"))
    admission = text("update stations set admission = :admission where identity = :first")
    for kind, is_good in (("waiting", False), ("refused", False), ("accepted", True)):
        await work.db.execute(admission, {"admission": kind, "first": first})
        assert (await _wished(work, str(first))).is_accepted is is_good


async def test_a_station_that_asks_without_end_is_refused_for_the_day_and_fills_nothing(
    work: Work,
) -> None:
    await _with_authority(work)
    first = str(await work.db.scalar(text("select min(identity) from stations")))
    answers = [(await _wished(work, first)).is_accepted for _ in range(REQUESTS_A_DAY + 5)]
    assert answers == [True] * REQUESTS_A_DAY + [False] * 5
    kept = await work.db.scalar(text("select count(*) from certificate_requests"))
    assert kept == REQUESTS_A_DAY
    work.clock.at += timedelta(days=1)
    assert (await _wished(work, first)).is_accepted
