"""Passwords of stations: compared as bytes, hex understood."""

from hypothesis import given
from hypothesis import strategies as st

from csms.passwords import matches, matches_in_hex, new_password, password_record


@given(st.binary(max_size=64), st.binary(max_size=64))
def test_only_the_recorded_password_matches(right: bytes, other: bytes) -> None:
    record = password_record(right)
    assert matches(record, right)
    assert matches(record, other) == (other == right)


def test_a_record_is_salted_and_does_not_hold_the_password() -> None:
    one, two = password_record(b"charging-at-night"), password_record(b"charging-at-night")
    assert one != two
    assert b"charging" not in one


@given(st.binary(min_size=1, max_size=20))
def test_hex_text_and_the_bytes_it_stands_for_are_recognised_for_each_other(secret: bytes) -> None:
    assert matches_in_hex(password_record(secret), secret.hex().encode())
    assert matches_in_hex(password_record(secret), secret.hex().upper().encode())
    assert matches_in_hex(password_record(secret.hex().encode()), secret)
    assert matches_in_hex(password_record(secret.hex().upper().encode()), secret)
    assert not matches_in_hex(password_record(secret), (secret + b"x").hex().encode())


def test_what_is_no_hex_is_simply_wrong() -> None:
    record = password_record(b"right")
    assert not matches_in_hex(record, b"wrong")
    assert not matches_in_hex(record, b"\xff\xfe")


def test_new_passwords_are_long_and_never_the_same() -> None:
    one, two = new_password(), new_password()
    assert one != two
    assert len(one) == 40
    assert one.isascii()
    assert one.isalnum()
