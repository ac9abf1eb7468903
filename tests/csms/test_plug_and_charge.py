"""A contract's chain, judged; the whole way is in `tests/conformance`."""

from datetime import UTC, datetime

import pytest

from csms.plug_and_charge import chain_fault, questions_about
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


def test_who_is_asked_stands_in_the_certificate() -> None:
    known = [GOOD.certificate, SUB.certificate, ROOT.certificate]
    [asked] = questions_about(known, 2)
    assert asked.responder_url == "http://ocsp.example"
