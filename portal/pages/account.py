"""My account: password, second factor, and where I am signed in."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from accounts import audit, directory, passwords, second_factor, sign_in, totp
from accounts.directory import Person
from accounts.sign_in import CodeRefused, SignInRefused, TooManyAttempts
from foundation.errors import ExpectedError, InvalidInput, NotFound
from portal.context import context_of
from portal.guard import Caller, signed_in
from portal.pages.entrance import too_many
from portal.pages.refusals import form_errors
from portal.pages.surroundings import frame_of, page, went
from portal.qr import qr_code
from portal.rendering import FormErrors
from portal.routes import Db, Now, PageRoute

router = APIRouter(prefix="/account", route_class=PageRoute)

Somebody = Annotated[Caller, Depends(signed_in)]


async def _person(db: AsyncSession, caller: Caller) -> Person:
    """Who is signed in; an API key has no account.

    Raises:
        NotFound: If a key asks.
    """
    if caller.principal.person_id is None:
        raise NotFound("account", caller.principal.id)
    return await directory.person(db, caller.principal.person_id)


@router.get("")
async def account(request: Request, db: Db, now: Now, caller: Somebody) -> Response:
    """Show the account."""
    return await _show(request, db, now, caller)


async def _show(
    request: Request,
    db: AsyncSession,
    now: datetime,
    caller: Caller,
    errors: FormErrors | None = None,
    status: int = 200,
) -> Response:
    person = await _person(db, caller)
    frame = await frame_of(request, db, caller)
    values = {
        "person": person,
        "factor": await second_factor.state(db, person.id),
        "owes": caller.principal.owes_second_factor,
        "logins": await sign_in.logins_of(db, person.id, now=now),
        "here": caller.principal.login_number,
        "revoke_at": "/account/logins",
        "errors": errors or FormErrors(),
    }
    return page(frame, "account.html", values, status=status)


@router.post("/password")
async def change_password(
    request: Request,
    db: Db,
    now: Now,
    caller: Somebody,
    old: Annotated[str, Form(max_length=1000)] = "",
    password: Annotated[str, Form(max_length=1000)] = "",
) -> Response:
    """Set one's own password; one stays signed in here, and nowhere else."""
    person = await _person(db, caller)
    said = (await frame_of(request, db, caller)).words
    try:
        await sign_in.check_own_password(context_of(request).database, person.id, old, now=now)
        password_hash = await passwords.hashed(password)
    except TooManyAttempts as error:
        errors = FormErrors({"old": too_many(error, said)})
        return await _show(request, db, now, caller, errors, 429)
    except SignInRefused:
        errors = FormErrors({"old": said.gettext("That is not your password.")})
        return await _show(request, db, now, caller, errors, 403)
    except InvalidInput as error:
        return await _show(
            request, db, now, caller, form_errors(error, said, otherwise="password"), 422
        )
    await directory.set_password(
        db, person.id, password_hash, keep_login=caller.principal.login_number
    )
    await _note(db, caller, person, "user.password", now)
    return went("/account", done="password")


# ---------------------------------------------------------------------------- second factor


@router.get("/second-factor")
async def set_up(request: Request, db: Db, now: Now, caller: Somebody) -> Response:
    """Show the QR code to scan, and ask for a first code."""
    return await _set_up(request, db, now, caller)


async def _set_up(
    request: Request,
    db: AsyncSession,
    now: datetime,
    caller: Caller,
    errors: FormErrors | None = None,
    status: int = 200,
) -> Response:
    person = await _person(db, caller)
    if await second_factor.is_on(db, person.id):
        return went("/account")
    secret = await second_factor.begin(db, context_of(request).sealer, person.id, now=now)
    frame = await frame_of(request, db, caller)
    address = totp.address(secret, person=person.user_name, issuer="Leitstand")
    text = totp.as_text(secret)
    values = {
        "qr": qr_code(address, title=frame.words.gettext("QR code of the second factor")),
        "secret": " ".join(text[place : place + 4] for place in range(0, len(text), 4)),
        "owes": caller.principal.owes_second_factor,
        "errors": errors or FormErrors(),
    }
    response = page(frame, "second_factor.html", values, status=status)
    response.headers["cache-control"] = "no-store"
    return response


@router.post("/second-factor")
async def confirm(
    request: Request,
    db: Db,
    now: Now,
    caller: Somebody,
    code: Annotated[str, Form(max_length=100)] = "",
) -> Response:
    """Switch the second factor on, and show the recovery codes once."""
    person = await _person(db, caller)
    try:
        codes = await second_factor.confirm(
            db, context_of(request).sealer, person.id, code, now=now
        )
    except second_factor.WrongCode as error:
        said = (await frame_of(request, db, caller)).words
        errors = form_errors(error, said, otherwise="code")
        return await _set_up(request, db, now, caller, errors, 422)
    await _note(db, caller, person, "user.second_factor.add", now)
    return await _codes(request, db, caller, codes)


@router.post("/recovery-codes")
async def fresh_codes(
    request: Request,
    db: Db,
    now: Now,
    caller: Somebody,
    code: Annotated[str, Form(max_length=100)] = "",
) -> Response:
    """Make new recovery codes; the old ones are void."""
    person = await _person(db, caller)
    refused = await _refused_code(request, db, now, caller, person, code, "code-fresh")
    if refused is not None:
        return refused
    codes = await second_factor.fresh_recovery_codes(db, person.id)
    await _note(db, caller, person, "user.recovery_codes", now)
    return await _codes(request, db, caller, codes)


@router.post("/second-factor/off")
async def switch_off(
    request: Request,
    db: Db,
    now: Now,
    caller: Somebody,
    code: Annotated[str, Form(max_length=100)] = "",
) -> Response:
    """Take the second factor away."""
    person = await _person(db, caller)
    refused = await _refused_code(request, db, now, caller, person, code, "code-off")
    if refused is not None:
        return refused
    await second_factor.remove(db, person.id)
    await _note(db, caller, person, "user.second_factor.remove", now)
    return went("/account", done="factor-off")


async def _refused_code(
    request: Request,
    db: AsyncSession,
    now: datetime,
    caller: Caller,
    person: Person,
    code: str,
    field: str,
) -> Response | None:
    """Check a code of the person; return the page that refuses it, if it is wrong."""
    context = context_of(request)
    said = (await frame_of(request, db, caller)).words
    try:
        await sign_in.check_own_code(context.database, context.sealer, person.id, code, now=now)
    except TooManyAttempts as error:
        return await _show(
            request, db, now, caller, FormErrors({field: too_many(error, said)}), 429
        )
    except CodeRefused as error:
        return await _show(request, db, now, caller, form_errors(error, said, otherwise=field), 403)
    return None


async def _codes(request: Request, db: AsyncSession, caller: Caller, codes: list[str]) -> Response:
    frame = await frame_of(request, db, caller)
    response = page(frame, "recovery_codes.html", {"codes": codes})
    response.headers["cache-control"] = "no-store"
    return response


# ---------------------------------------------------------------------------- logins


@router.post("/logins/{number}")
async def revoke(request: Request, db: Db, now: Now, caller: Somebody, number: int) -> Response:
    """Sign another browser out."""
    person = await _person(db, caller)
    try:
        await sign_in.revoke_login(db, person.id, number, now=now)
    except ExpectedError:
        return went("/account")  # it ended by itself meanwhile, which is what was wanted
    await _note(db, caller, person, "login.revoke", now)
    return went("/account", done="login-revoked")


async def _note(db: AsyncSession, caller: Caller, person: Person, deed: str, now: datetime) -> None:
    await audit.record(
        db,
        caller.actor,
        deed,
        f"user/{person.id}",
        organisation=person.organisation,
        after={"user_name": person.user_name},
        now=now,
    )
