"""Tests of passwords."""

import re

import pytest
from argon2 import PasswordHasher

from accounts import passwords
from foundation.errors import InvalidInput


async def test_the_right_password_is_right_and_others_are_not() -> None:
    kept = await passwords.hashed("correct horse")

    assert kept.startswith("$argon2id$")
    assert (await passwords.verify(kept, "correct horse")).is_right
    assert not (await passwords.verify(kept, "correct horse ")).is_right
    assert not (await passwords.verify(kept, "")).is_right


async def test_nobody_has_no_right_password() -> None:
    assert not (await passwords.verify(None, "anything")).is_right
    assert not (await passwords.verify("no hash at all", "anything")).is_right


async def test_a_weaker_hash_asks_to_be_renewed() -> None:
    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("correct horse")
    strong = await passwords.hashed("correct horse")

    assert (await passwords.verify(weak, "correct horse")).needs_rehash
    assert not (await passwords.verify(strong, "correct horse")).needs_rehash


@pytest.mark.parametrize("password", ["", "1234567", "x" * 201])
async def test_too_short_and_too_long_passwords_are_refused(password: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await passwords.hashed(password)

    assert refused.value.field == "password"


@pytest.mark.parametrize("password", ["12345678", "x" * 200])
async def test_passwords_at_the_bounds_are_taken(password: str) -> None:
    assert (await passwords.verify(await passwords.hashed(password), password)).is_right


async def test_the_operators_own_password_may_be_short_but_not_empty() -> None:
    assert await passwords.hashed_as_given("admin")
    with pytest.raises(InvalidInput):
        await passwords.hashed_as_given("")


def test_generated_passwords_are_long_and_never_the_same() -> None:
    made = {passwords.generated() for _ in range(50)}

    assert len(made) == 50
    assert all(re.fullmatch(r"([a-z2-9]{5}-){3}[a-z2-9]{5}", each) for each in made)
