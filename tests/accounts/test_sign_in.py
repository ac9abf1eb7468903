"""Tests of signing in, and of the waits after wrong tries."""

import asyncio
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from sqlalchemy import text

from accounts import directory, passwords, sign_in, store
from accounts.directory import Organisation, Person
from accounts.sign_in import SignedIn, SignInRefused, TooManyAttempts
from foundation.clock import SetClock
from foundation.database import Database

PASSWORD = "correct horse"
HOME, ELSEWHERE = "192.0.2.1", "198.51.100.7"
IDLE = timedelta(hours=12)


@pytest.fixture
async def erika(database: Database, kept_root: Organisation, clock: SetClock) -> Person:
    password_hash = await passwords.hashed(PASSWORD)
    async with database.unit_of_work() as db:
        await directory.create_person(
            db, "boss", {"roles": ["administrator"]}, password_hash=None, now=clock.now()
        )
        return await directory.create_person(
            db,
            "erika",
            {"roles": ["owner"], "email": "erika@x.example"},
            password_hash=password_hash,
            now=clock.now(),
        )


async def tried(
    database: Database,
    clock: SetClock,
    password: str,
    *,
    name: str = "erika",
    address: str = HOME,
    replaces: str | None = None,
) -> SignedIn:
    return await sign_in.sign_in(
        database,
        name=name,
        password=password,
        address=address,
        user_agent="Browser",
        now=clock.now(),
        replaces=replaces,
    )


@pytest.fixture
def cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare a thousand tries the cost of a hash, which is not what they are about."""

    async def compared(password_hash: str | None, password: str) -> passwords.Verification:
        is_right = password_hash is not None and password == PASSWORD
        return passwords.Verification(is_right=is_right, needs_rehash=False)

    monkeypatch.setattr(passwords, "verify", compared)


@pytest.mark.parametrize("name", ["erika", " ERIKA ", "Erika@X.example"])
async def test_user_name_or_mail_address_and_password_open_a_login(
    database: Database, clock: SetClock, erika: Person, name: str
) -> None:
    signed_in = await tried(database, clock, PASSWORD, name=name)

    async with database.unit_of_work() as db:
        principal = await sign_in.principal_of(
            db, signed_in.secret, now=clock.now(), idle_ends=IDLE
        )
    assert signed_in.person.id == erika.id
    assert principal is not None
    assert principal.person_id == erika.id


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("erika", "wrong"),
        ("erika", ""),
        ("nobody", PASSWORD),
        ("boss", PASSWORD),
        ("erika\x00", PASSWORD),
        ("\ud800", "\ud800"),
    ],
)
async def test_a_refusal_does_not_say_what_was_wrong(
    database: Database, clock: SetClock, erika: Person, name: str, password: str
) -> None:
    with pytest.raises(SignInRefused) as refused:
        await tried(database, clock, password, name=name)

    assert str(refused.value) == str(SignInRefused())


async def test_who_is_deactivated_is_out_at_once(
    database: Database, clock: SetClock, erika: Person
) -> None:
    signed_in = await tried(database, clock, PASSWORD)
    async with database.unit_of_work() as db:
        await directory.change_person(db, erika.id, {"active": False})
        assert (
            await sign_in.principal_of(db, signed_in.secret, now=clock.now(), idle_ends=IDLE)
            is None
        )
    with pytest.raises(SignInRefused):
        await tried(database, clock, PASSWORD)


async def test_a_new_password_ends_all_logins(
    database: Database, clock: SetClock, erika: Person
) -> None:
    signed_in = await tried(database, clock, PASSWORD)
    async with database.unit_of_work() as db:
        await directory.set_password(db, erika.id, await passwords.hashed("another one"))
        assert (
            await sign_in.principal_of(db, signed_in.secret, now=clock.now(), idle_ends=IDLE)
            is None
        )


async def test_each_sign_in_has_a_fresh_secret_and_ends_the_browsers_earlier_login(
    database: Database, clock: SetClock, erika: Person
) -> None:
    first = await tried(database, clock, PASSWORD)
    second = await tried(database, clock, PASSWORD, replaces=first.secret)
    elsewhere = await tried(database, clock, PASSWORD, address=ELSEWHERE)

    async with database.unit_of_work() as db:
        known = [
            await sign_in.principal_of(db, each.secret, now=clock.now(), idle_ends=IDLE)
            for each in (first, second, elsewhere)
        ]
    assert first.secret != second.secret
    assert [each is not None for each in known] == [False, True, True]


async def test_signing_out_ends_the_login(
    database: Database, clock: SetClock, erika: Person
) -> None:
    signed_in = await tried(database, clock, PASSWORD)
    async with database.unit_of_work() as db:
        await sign_in.sign_out(db, signed_in.secret)
        await sign_in.sign_out(db, "never given out")
        found = await sign_in.principal_of(db, signed_in.secret, now=clock.now(), idle_ends=IDLE)
    assert found is None


@pytest.mark.parametrize(
    ("clicks", "is_signed_in"),
    [
        ([timedelta(hours=11, minutes=59)], True),
        ([timedelta(hours=12)], False),
        ([timedelta(hours=11)] * 3, True),
        ([timedelta(hours=11)] * 67, False),
    ],
)
async def test_a_login_ends_when_idle_and_after_thirty_days(
    database: Database,
    clock: SetClock,
    erika: Person,
    clicks: list[timedelta],
    is_signed_in: bool,
) -> None:
    signed_in = await tried(database, clock, PASSWORD)
    for pause in clicks:
        clock.advance(pause)
        async with database.unit_of_work() as db:
            principal = await sign_in.principal_of(
                db, signed_in.secret, now=clock.now(), idle_ends=IDLE
            )
    assert (principal is not None) == is_signed_in


async def test_an_old_hash_is_renewed_at_sign_in(
    database: Database, clock: SetClock, erika: Person
) -> None:
    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    async with database.unit_of_work() as db:
        await directory.set_password(db, erika.id, weak)

    await tried(database, clock, PASSWORD)

    async with database.unit_of_work() as db:
        row = await store.person(db, erika.id)
        assert row is not None
        assert row.password_hash != weak
    await tried(database, clock, PASSWORD)


# ---------------------------------------------------------------------------- waiting


@pytest.mark.usefixtures("cheap_passwords")
async def test_after_five_wrong_tries_one_has_to_wait(
    database: Database, clock: SetClock, erika: Person
) -> None:
    for _ in range(5):
        with pytest.raises(SignInRefused):
            await tried(database, clock, "wrong")
    with pytest.raises(TooManyAttempts) as waiting:
        await tried(database, clock, PASSWORD)  # not even looked at

    assert waiting.value.wait_s == 1
    clock.advance(timedelta(seconds=1))
    await tried(database, clock, PASSWORD)


@pytest.mark.slow
@pytest.mark.usefixtures("cheap_passwords")
async def test_a_thousand_wrong_passwords_take_days(
    database: Database, clock: SetClock, erika: Person
) -> None:
    began = clock.now()
    longest = 0
    wrong = 0
    while wrong < 1000:
        try:
            await tried(database, clock, "wrong")
        except SignInRefused:
            wrong += 1
        except TooManyAttempts as waiting:
            longest = max(longest, waiting.wait_s)
            clock.advance(timedelta(seconds=waiting.wait_s))

    assert clock.now() - began > timedelta(days=2)
    assert longest == 300
    # The right owner, at his desk elsewhere, is let in within a minute.
    clock.advance(timedelta(seconds=60))
    await tried(database, clock, PASSWORD, address=ELSEWHERE)


@pytest.mark.usefixtures("cheap_passwords")
async def test_where_the_owner_signed_in_before_he_never_waits_for_others_tries(
    database: Database, clock: SetClock, erika: Person
) -> None:
    await tried(database, clock, PASSWORD)
    for number in range(30):  # from many addresses, so that only the account is slowed down
        with pytest.raises((SignInRefused, TooManyAttempts)):
            await tried(database, clock, "wrong", address=f"203.0.113.{number}")

    with pytest.raises(TooManyAttempts):
        await tried(database, clock, PASSWORD, address=ELSEWHERE)
    await tried(database, clock, PASSWORD)


@pytest.mark.usefixtures("cheap_passwords")
async def test_many_names_from_one_address_have_to_wait_too(
    database: Database, clock: SetClock, erika: Person
) -> None:
    for number in range(20):
        with pytest.raises(SignInRefused):
            await tried(database, clock, "wrong", name=f"name-{number}")

    with pytest.raises(TooManyAttempts):
        await tried(database, clock, "wrong", name="another")
    with pytest.raises(SignInRefused):
        await tried(database, clock, "wrong", name="another", address=ELSEWHERE)


@pytest.mark.usefixtures("cheap_passwords")
async def test_neighbours_in_an_ipv6_network_are_one_address(
    database: Database, clock: SetClock, erika: Person
) -> None:
    for number in range(5):
        with pytest.raises(SignInRefused):
            await tried(database, clock, "wrong", address=f"2001:db8::{number}")

    with pytest.raises(TooManyAttempts):
        await tried(database, clock, "wrong", address="2001:db8::ffff")
    with pytest.raises(SignInRefused):
        await tried(database, clock, "wrong", address="2001:db8:0:1::1")


@pytest.mark.usefixtures("cheap_passwords")
async def test_tries_at_the_same_time_all_count(
    database: Database, clock: SetClock, erika: Person
) -> None:
    results = await asyncio.gather(
        *(tried(database, clock, "wrong") for _ in range(12)), return_exceptions=True
    )

    assert sum(isinstance(each, SignInRefused) for each in results) == 5
    assert sum(isinstance(each, TooManyAttempts) for each in results) == 7


@pytest.mark.usefixtures("cheap_passwords")
async def test_wrong_tries_are_forgiven_one_by_one(
    database: Database, clock: SetClock, erika: Person
) -> None:
    for _ in range(40):  # an office of many: now and then somebody mistypes
        with pytest.raises(SignInRefused):
            await tried(database, clock, "wrong", name="somebody")
        clock.advance(timedelta(minutes=10))


@pytest.mark.usefixtures("cheap_passwords")
async def test_old_tries_are_removed_and_known_places_kept(
    database: Database, clock: SetClock, erika: Person
) -> None:
    with pytest.raises(SignInRefused):
        await tried(database, clock, "wrong", name="somebody", address=ELSEWHERE)
    await tried(database, clock, PASSWORD)
    clock.advance(timedelta(days=2))
    await tried(database, clock, PASSWORD)

    async with database.unit_of_work() as db:
        kept = await db.execute(text("select count(*) from login_attempts"))
        assert kept.scalar_one() == 3
