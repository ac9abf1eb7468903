"""Tests of the second factor, and of signing in with it."""

from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory, passwords, second_factor, sign_in, totp
from accounts.directory import Organisation, Person
from accounts.second_factor import HasSecondFactor, WrongCode
from accounts.sign_in import CodeRefused, SignedIn, SignInOver, TooManyAttempts
from foundation import mail
from foundation.clock import SetClock
from foundation.database import Database
from foundation.jobs import Jobs
from foundation.mail import Mails
from foundation.sealing import Sealer
from foundation.settings import Settings

SEALER = Sealer(bytes(32))
PASSWORD = "correct horse"


@pytest.fixture
async def erika(database: Database, kept_root: Organisation, clock: SetClock) -> Person:
    """Somebody with a password and a mail address."""
    hashed = await passwords.hashed(PASSWORD)
    async with database.unit_of_work() as db:
        return await directory.create_person(
            db,
            "erika",
            {"roles": ["administrator"], "email": "erika@x.example"},
            password_hash=hashed,
            now=clock.now(),
        )


async def switched_on(
    database: Database, person: Person, clock: SetClock
) -> tuple[bytes, list[str]]:
    async with database.unit_of_work() as db:
        secret = await second_factor.begin(db, SEALER, person.id, now=clock.now())
        code = totp.code(secret, totp.step_at(clock.now()))
        codes = await second_factor.confirm(db, SEALER, person.id, code, now=clock.now())
    clock.advance(timedelta(minutes=1))
    return secret, codes


async def opened(database: Database, clock: SetClock) -> SignedIn:
    return await sign_in.sign_in(
        database,
        name="erika",
        password=PASSWORD,
        address="192.0.2.1",
        user_agent="",
        now=clock.now(),
    )


async def given(
    database: Database, clock: SetClock, secret: str, code: str, mails: Mails | None = None
) -> SignedIn:
    return await sign_in.give_code(
        database,
        SEALER,
        secret=secret,
        code=code,
        address="192.0.2.1",
        now=clock.now(),
        mails=mails,
    )


async def is_in(database: Database, clock: SetClock, secret: str) -> bool:
    async with database.unit_of_work() as db:
        found = await sign_in.principal_of(
            db, secret, now=clock.now(), idle_ends=timedelta(hours=12)
        )
    return found is not None


async def test_it_counts_from_the_first_code_on(
    database: Database, erika: Person, clock: SetClock
) -> None:
    async with database.unit_of_work() as db:
        secret = await second_factor.begin(db, SEALER, erika.id, now=clock.now())
        again = await second_factor.begin(db, SEALER, erika.id, now=clock.now())
        assert secret == again, "a page that is loaded again shows one QR code"
        with pytest.raises(WrongCode):
            await second_factor.confirm(db, SEALER, erika.id, "000000", now=clock.now())
    assert not (await opened(database, clock)).awaits_code
    await switched_on(database, erika, clock)
    assert (await opened(database, clock)).awaits_code
    async with database.unit_of_work() as db:
        with pytest.raises(HasSecondFactor):
            await second_factor.begin(db, SEALER, erika.id, now=clock.now())
        kept = await db.scalar(text("select secret_sealed from second_factors"))
    assert secret not in kept


async def test_the_password_alone_opens_nothing(
    database: Database, erika: Person, clock: SetClock
) -> None:
    secret, _ = await switched_on(database, erika, clock)
    half = await opened(database, clock)
    assert not await is_in(database, clock, half.secret)
    with pytest.raises(CodeRefused):
        await given(database, clock, half.secret, "000000")
    code = totp.code(secret, totp.step_at(clock.now()))
    whole = await given(database, clock, half.secret, code)

    assert await is_in(database, clock, whole.secret)
    assert not await is_in(database, clock, half.secret)
    other = await opened(database, clock)
    with pytest.raises(CodeRefused):
        await given(database, clock, other.secret, code)


async def test_half_a_login_is_over_after_ten_minutes(
    database: Database, erika: Person, clock: SetClock
) -> None:
    secret, _ = await switched_on(database, erika, clock)
    half = await opened(database, clock)
    clock.advance(sign_in.CODE_WITHIN)
    with pytest.raises(SignInOver):
        await given(database, clock, half.secret, totp.code(secret, totp.step_at(clock.now())))


async def test_a_recovery_code_is_taken_once(
    database: Database, erika: Person, clock: SetClock
) -> None:
    _, codes = await switched_on(database, erika, clock)
    assert len(set(codes)) == second_factor.RECOVERY_CODES
    whole = await given(database, clock, (await opened(database, clock)).secret, codes[0].upper())
    with pytest.raises(CodeRefused):
        await given(database, clock, (await opened(database, clock)).secret, codes[0])

    assert await is_in(database, clock, whole.secret)
    async with database.unit_of_work() as db:
        assert (await second_factor.state(db, erika.id)).codes_left == 9


async def test_ten_wrong_codes_wait_and_are_told_by_mail(
    database: Database, erika: Person, clock: SetClock
) -> None:
    """A right one resets the count; the mail is sent once a day."""
    mails = Mails(database=database, jobs=Jobs(database.url), clock=clock, settings=Settings())
    secret, _ = await switched_on(database, erika, clock)
    half = await opened(database, clock)
    for _ in range(10):
        with pytest.raises(CodeRefused):
            await given(database, clock, half.secret, "000000", mails)
    with pytest.raises(TooManyAttempts):
        await given(
            database, clock, half.secret, totp.code(secret, totp.step_at(clock.now())), mails
        )
    clock.advance(timedelta(seconds=30))
    with pytest.raises(CodeRefused):
        await given(database, clock, half.secret, "000000", mails)
    async with database.unit_of_work() as db:
        told = await mail.outbox(db, before=None, limit=10)
    clock.advance(timedelta(minutes=1))
    whole = await given(
        database, clock, half.secret, totp.code(secret, totp.step_at(clock.now())), mails
    )

    assert [each.recipient for each in told] == ["erika@x.example"]
    assert "192.0.2.1" in told[0].body_text
    assert await is_in(database, clock, whole.secret)


async def test_who_must_have_one_is_told_by_his_organisation(
    database: Database, erika: Person, clock: SetClock
) -> None:
    login = await opened(database, clock)

    async def owes() -> bool:
        async with database.unit_of_work() as db:
            found = await sign_in.principal_of(
                db, login.secret, now=clock.now(), idle_ends=timedelta(hours=12)
            )
        assert found is not None
        return found.owes_second_factor

    assert not await owes()
    async with database.unit_of_work() as db:
        await directory.change_organisation(db, erika.organisation, {"demands_second_factor": True})
    assert await owes()
    await switched_on(database, erika, clock)
    assert not await owes()


async def test_it_is_taken_away_with_its_codes(
    database: Database, erika: Person, clock: SetClock
) -> None:
    await switched_on(database, erika, clock)
    async with database.unit_of_work() as db:
        assert await second_factor.are_on(db, [erika.id, 99]) == {erika.id}
        assert await second_factor.remove(db, erika.id)
        assert not await second_factor.remove(db, erika.id)
        assert await second_factor.state(db, erika.id) == second_factor.State(None, 0)


async def test_logins_are_listed_and_revoked(
    database: Database, erika: Person, clock: SetClock
) -> None:
    first, second = await opened(database, clock), await opened(database, clock)
    async with database.unit_of_work() as db:
        found = await sign_in.logins_of(db, erika.id, now=clock.now())
        assert [each.address for each in found] == ["192.0.2.1"] * 2
        await sign_in.revoke_login(db, erika.id, found[-1].number, now=clock.now())
        with pytest.raises(Exception, match="login"):
            await sign_in.revoke_login(db, 99, found[0].number, now=clock.now())

    assert sorted(
        [await is_in(database, clock, first.secret), await is_in(database, clock, second.secret)]
    ) == [False, True]


async def test_a_code_of_nobody_is_never_right(db: AsyncSession, clock: SetClock) -> None:
    assert not await second_factor.is_right(db, SEALER, 99, "123456", now=clock.now())
    with pytest.raises(WrongCode):
        await second_factor.confirm(db, SEALER, 99, "123456", now=clock.now())
