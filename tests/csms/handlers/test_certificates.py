"""Requests for certificates, taken in or refused."""

from sqlalchemy import text

from csms.handlers.certificates import REFUSED, certificates_wished
from csms.reports import CertificateWishReport
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
