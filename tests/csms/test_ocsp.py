"""What an OCSP answer is worth."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from csms.certificates import hash_data_of
from csms.ocsp import Revocation, request_for, verdict_in
from csms.reports import OcspQuestion
from foundation.errors import InvalidInput
from tests.pki import Authority

NOW = datetime(2026, 10, 15, 12, tzinfo=UTC)
ROOT = Authority.root()
LEAF = ROOT.issue("contract")
KNOWN = [ROOT.certificate]


def question(url: str = "http://ocsp.example") -> OcspQuestion:
    found = hash_data_of(LEAF.certificate, ROOT.certificate)
    return OcspQuestion(
        found.hash_algorithm,
        found.issuer_name_hash,
        found.issuer_key_hash,
        found.serial_number,
        url,
    )


def test_a_good_and_a_revoked_certificate_are_told_apart() -> None:
    asked = request_for(question())
    assert verdict_in(ROOT.answer(asked, NOW), question(), KNOWN, NOW).revocation is (
        Revocation.GOOD
    )
    strict = replace(ROOT, revoked={LEAF.certificate.serial_number})
    found = verdict_in(strict.answer(asked, NOW), question(), KNOWN, NOW)
    assert found.revocation is Revocation.REVOKED


def test_an_answer_by_a_stranger_a_stale_one_and_one_about_another_are_worth_nothing() -> None:
    asked = request_for(question())
    stranger = Authority.root()
    forged = replace(ROOT, certificate=stranger.certificate, key=stranger.key)
    unknown = Revocation.UNKNOWN
    assert verdict_in(forged.answer(asked, NOW), question(), KNOWN, NOW).revocation is unknown
    good = ROOT.answer(asked, NOW)
    assert verdict_in(good, question(), [], NOW).revocation is unknown
    assert verdict_in(good, question(), KNOWN, NOW + timedelta(days=2)).revocation is unknown
    other = msgspec.structs.replace(question(), serial_number="1234")
    assert verdict_in(good, other, KNOWN, NOW).is_unreadable
    assert verdict_in(b"no DER", question(), KNOWN, NOW).is_unreadable


def test_an_answer_that_holds_for_ever_is_not_believed_for_ever() -> None:
    """Whoever kept an old one could show it after the certificate was revoked."""
    told = ROOT.answer(request_for(question()), NOW, lasts=None)
    fresh = verdict_in(told, question(), KNOWN, NOW + timedelta(hours=23))
    stale = verdict_in(told, question(), KNOWN, NOW + timedelta(hours=25))
    assert fresh.revocation is Revocation.GOOD
    assert stale.revocation is Revocation.UNKNOWN


def test_whom_the_issuer_lets_answer_may_answer_until_his_certificate_ends() -> None:
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING])
    asked = request_for(question())
    for until, worth in (
        (NOW + timedelta(days=1), Revocation.GOOD),
        (NOW - timedelta(days=1), Revocation.UNKNOWN),
    ):
        responder = ROOT.issue("Responder", extension=usage, until=until)
        told = Authority(responder.certificate, responder.key).answer(asked, NOW)
        assert verdict_in(told, question(), KNOWN, NOW).revocation is worth
    nobody = ROOT.issue("Somebody")
    told = Authority(nobody.certificate, nobody.key).answer(asked, NOW)
    assert verdict_in(told, question(), KNOWN, NOW).revocation is Revocation.UNKNOWN


def test_hashes_that_are_none_are_refused() -> None:
    with pytest.raises(InvalidInput):
        request_for(msgspec.structs.replace(question(), issuer_key_hash="no hex"))
