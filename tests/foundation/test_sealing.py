"""Tests of sealed secrets."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.sealing import Sealer, Unsealable, sealer_of

SEALER = Sealer(bytes(range(32)))


@given(secret=st.binary(max_size=200), purpose=st.text(max_size=20))
def test_what_was_sealed_opens_for_the_same_purpose(secret: bytes, purpose: str) -> None:
    assert SEALER.unseal(SEALER.seal(secret, purpose), purpose) == secret


def test_it_opens_neither_for_another_purpose_nor_with_another_key_nor_changed() -> None:
    sealed = SEALER.seal(b"secret", "a")
    changed = sealed[:-1] + bytes([sealed[-1] ^ 1])

    for sealer, text, purpose in (
        (SEALER, sealed, "b"),
        (Sealer(bytes(32)), sealed, "a"),
        (SEALER, changed, "a"),
        (SEALER, b"", "a"),
    ):
        with pytest.raises(Unsealable):
            sealer.unseal(text, purpose)
    assert sealed != SEALER.seal(b"secret", "a")
    assert b"secret" not in sealed


def test_a_key_is_made_once_and_readable_only_by_the_owner(tmp_path: Path) -> None:
    folder = tmp_path / "fresh"
    sealed = sealer_of(folder, None).seal(b"x", "a")

    assert sealer_of(folder, None).unseal(sealed, "a") == b"x"
    assert (folder / "secret.key").stat().st_mode & 0o777 == 0o600
    assert [each.name for each in folder.iterdir()] == ["secret.key"]


def test_a_key_that_is_set_needs_no_file(tmp_path: Path) -> None:
    sealed = sealer_of(tmp_path / "a", "correct horse").seal(b"x", "a")

    assert sealer_of(tmp_path / "b", "correct horse").unseal(sealed, "a") == b"x"
    assert not (tmp_path / "a").exists()
