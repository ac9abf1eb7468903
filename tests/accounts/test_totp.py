"""Tests of one-time codes, by the figures of RFC 6238."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts import totp

RFC_SECRET = b"12345678901234567890"


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
        (20000000000, "353130"),
    ],
)
def test_codes_are_those_of_the_standard(seconds: int, code: str) -> None:
    """RFC 6238, appendix B, SHA1, the last six of the eight digits."""
    moment = datetime.fromtimestamp(seconds, UTC)
    assert totp.code(RFC_SECRET, totp.step_at(moment)) == code


NOW = datetime(2026, 10, 15, 12, 0, 10, tzinfo=UTC)


def accepted(code: str, at: datetime, last_step: int = 0) -> bool:
    return totp.accepted_step(RFC_SECRET, code, at, last_step=last_step) is not None


def test_a_code_is_good_for_a_step_before_and_behind() -> None:
    code = totp.code(RFC_SECRET, totp.step_at(NOW))

    assert accepted(code, NOW)
    assert accepted(f"{code[:3]} {code[3:]}", NOW + timedelta(seconds=30))
    assert accepted(code, NOW - timedelta(seconds=30))
    assert not accepted(code, NOW + timedelta(seconds=60))
    assert not accepted(code, NOW - timedelta(seconds=60))


def test_a_code_is_taken_once() -> None:
    step = totp.step_at(NOW)
    code = totp.code(RFC_SECRET, step)

    assert totp.accepted_step(RFC_SECRET, code, NOW, last_step=step - 1) == step
    assert not accepted(code, NOW, last_step=step)


@given(st.text(max_size=30))
def test_no_text_is_ever_taken_by_mistake(text: str) -> None:
    codes = {totp.code(RFC_SECRET, totp.step_at(NOW) + drift) for drift in (-1, 0, 1)}
    assert accepted(text, NOW) == (text.replace(" ", "") in codes)


@given(st.binary(min_size=1, max_size=40))
def test_a_secret_is_typed_as_it_is_shown(secret: bytes) -> None:
    assert totp.from_text(totp.as_text(secret).lower()) == secret


def test_the_address_names_issuer_and_person() -> None:
    assert totp.address(RFC_SECRET, person="erika@x", issuer="Leitstand") == (
        "otpauth://totp/Leitstand%3Aerika%40x"
        "?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Leitstand"
    )
