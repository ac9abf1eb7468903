"""A contract's chain, judged; the whole way is in `tests/conformance`."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from csms.plug_and_charge import Others, PlugAndCharge, asks_about, chain_fault, questions_about
from csms.reports import CertificateStatusReport, OcppVersion, OcspQuestion, Origin
from foundation.clock import SetClock
from foundation.database import Database
from foundation.identifiers import StationId
from foundation.tasks import Tasks
from tests.pki import Authority, Holder

NOW = datetime(2026, 10, 15, 12, tzinfo=UTC)
ROOT = Authority.root("MO Root")
SUB = ROOT.authority("MO Sub")
GOOD = SUB.issue("DEABCC12345671", responder="http://ocsp.example")
FORGED = Holder(Authority.root("MO Sub").issue("DEABCC12345671").certificate, GOOD.key)


def fault(leaf: Holder, token: str | None = "DE-ABC-C12345671", now: datetime = NOW) -> str | None:
    return chain_fault([leaf.certificate, SUB.certificate], [ROOT.certificate], token, now)


def test_a_chain_to_a_trusted_root_for_this_contract_is_good() -> None:
    assert fault(GOOD) is None
    assert fault(GOOD, None) is None
    assert chain_fault([GOOD.certificate], [SUB.certificate], None, NOW) is None


@pytest.mark.parametrize(
    ("leaf", "token", "now", "why"),
    [
        (GOOD, "DE-XYZ-C99999999", NOW, "CertChainError"),
        (GOOD, None, datetime(2050, 1, 1, tzinfo=UTC), "CertificateExpired"),
        (FORGED, None, NOW, "SignatureError"),
        (Authority.root("Other").issue("DEABCC12345671"), None, NOW, "CertChainError"),
    ],
)
def test_a_chain_that_is_not_good_says_why(
    leaf: Holder, token: str | None, now: datetime, why: str
) -> None:
    assert fault(leaf, token, now) == why


def test_whoever_has_a_contract_signs_no_other() -> None:
    """A driver's own certificate is good, and still no authority."""
    driver = Authority(GOOD.certificate, GOOD.key, GOOD.above)
    forged = driver.issue("DEXYZC99999999")
    chain = [forged.certificate, GOOD.certificate, SUB.certificate]
    assert chain_fault(chain, [ROOT.certificate], "DEXYZC99999999", NOW) == "CertChainError"
    assert chain_fault(chain, [GOOD.certificate], None, NOW) == "CertChainError"


def test_an_authority_for_one_step_signs_no_further_authority() -> None:
    short = ROOT.issue("Short", is_authority=True, path_length=0)
    below = Authority(short.certificate, short.key, short.above).authority("Below")
    leaf = below.issue("DEABCC12345671")
    chain = [leaf.certificate, below.certificate, short.certificate]
    assert chain_fault(chain, [ROOT.certificate], None, NOW) == "CertChainError"
    assert chain_fault(chain[:2], [short.certificate], None, NOW) == "CertChainError"
    direct = Authority(short.certificate, short.key, short.above).issue("DEABCC12345671")
    chain = [direct.certificate, short.certificate]
    assert chain_fault(chain, [ROOT.certificate], None, NOW) is None


def test_an_answer_about_another_certificate_says_nothing_of_this_one() -> None:
    other = SUB.issue("DEXYZC99999999", responder="http://ocsp.example")
    known = [SUB.certificate, ROOT.certificate]
    [about] = questions_about([other.certificate, *known], 1)
    [right] = questions_about([GOOD.certificate, *known], 1)
    assert asks_about(right, GOOD.certificate, known)
    assert not asks_about(about, GOOD.certificate, known)
    assert not asks_about(right, GOOD.certificate, [ROOT.certificate])


class Broken:
    """A responder with a defect of ours in it."""

    async def ask(self, question: OcspQuestion) -> bytes:
        raise RuntimeError("a defect")


async def test_a_defect_of_ours_leaves_no_station_waiting(clock: SetClock) -> None:
    """Its next calls wait for this answer: without one a session could not even end."""
    told: list[Any] = []
    url = "postgresql://localhost/nobody_asks_it"
    async with Tasks() as tasks:
        others = PlugAndCharge(Database(url), clock, tasks, Others(Broken(), None, 5.0))
        origin = Origin(StationId("CS-1"), OcppVersion.V201, 1, NOW, "1", "Authorize", "", (), 0)
        [question] = questions_about([GOOD.certificate, SUB.certificate], 1)

        def done(answer: Any, error: BaseException | None) -> None:
            told.append(error)
            answered.set()

        answered = asyncio.Event()
        others.submit(CertificateStatusReport(origin, question), done, lambda *_: None)
        await asyncio.wait_for(answered.wait(), 10)
    assert [type(each) for each in told] == [RuntimeError]


def test_who_is_asked_stands_in_the_certificate() -> None:
    known = [GOOD.certificate, SUB.certificate, ROOT.certificate]
    [asked] = questions_about(known, 2)
    assert asked.responder_url == "http://ocsp.example"
