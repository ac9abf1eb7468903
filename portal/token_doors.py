"""The one door to id tokens: who sees and stores them, what is refused, and the note of it."""

import contextlib
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from accounts.directory import WHOLE
from accounts.permissions import Permission
from csms import administration, registry
from csms.administration import TokenSettings
from csms.registry import StoredToken
from foundation.errors import Conflict, InvalidInput, NotFound
from foundation.events import TokenStatus
from foundation.identifiers import OrganisationKey, normalised_token
from portal.guard import Caller
from portal.problems import FieldError, ManyProblems
from roaming import administration as roaming


class TokenTaken(Conflict):
    """Somebody else answers for this token."""

    code = "id_token_taken"

    def __init__(self, id_token: str) -> None:
        super().__init__(f"Somebody else answers for {id_token!r}.")


class Line(NamedTuple):
    """A token that is to be stored, and the line of the file it stands in; None: of no file."""

    number: int | None
    settings: TokenSettings


def may_change(caller: Caller) -> bool:
    """Tell whether somebody may store tokens by hand: he has to see them, too."""
    return caller.may(Permission.TOKENS_WRITE) and caller.may(Permission.CRM_READ)


def settings(
    caller: Caller,
    *,
    id_token: str,
    type_: str | None = None,
    status: TokenStatus | None = None,
    group_id: str | None = None,
    organisation: str | None = None,
    provider: str | None = None,
    valid_until: datetime | None = None,
    language1: str | None = None,
    language2: str | None = None,
) -> TokenSettings:
    """Return what is to be stored; nobody named: the caller's own organisation answers for it."""
    if provider is not None:
        # One that is no party id is not among the known ones either, which is said with its line.
        with contextlib.suppress(InvalidInput):
            provider = roaming.party_id_from(provider)
    elif organisation is None:
        organisation = caller.principal.organisation
    return TokenSettings(
        id_token=id_token,
        type=type_ or "ISO14443",
        status=(status or TokenStatus.ACCEPTED).value,
        group_id=group_id,
        organisation=None if organisation is None else OrganisationKey(organisation),
        provider=provider,
        valid_until=valid_until,
        language1=language1,
        language2=language2,
    )


async def seen(db: AsyncSession, caller: Caller, id_token: str) -> StoredToken:
    """Return a token with whoever holds it now.

    Raises:
        NotFound: Nobody answers for it whom the caller sees.
    """
    found = await registry.id_tokens(db, caller.scope, key=normalised_token(id_token), limit=1)
    if not found:
        raise NotFound("id token", id_token)
    return found[0]


async def keep(
    db: AsyncSession, caller: Caller, token: TokenSettings, now: datetime
) -> tuple[StoredToken, bool]:
    """Store one token, with a note of who did; return it, and whether it is new.

    Raises:
        ManyProblems, TokenTaken: As `store` says.
    """
    known = await registry.id_tokens(db, WHOLE, key=normalised_token(token.id_token), limit=1)
    await store(db, caller, [Line(None, token)], now)
    db.expire_all()
    stored = await seen(db, caller, token.id_token)
    await caller.note(
        db,
        "id_token.change" if known else "id_token.create",
        f"id_token/{stored.key}",
        organisation=(
            None if stored.organisation is None else OrganisationKey(stored.organisation)
        ),
        before=known[0] if known else None,
        after=stored,
        now=now,
    )
    return stored, not known


async def store(db: AsyncSession, caller: Caller, lines: Sequence[Line], now: datetime) -> None:
    """Store tokens, all or none; the caller notes it.

    Raises:
        ManyProblems: If something is wrong with any, with every line and field.
        TokenTaken: If somebody outside the caller's scope answers for one.
    """
    caller.must_have(Permission.TOKENS_WRITE)
    organisations = {each.key for each in await directory.organisations(db, caller.scope)}
    providers = (
        {each.party_id for each in await roaming.providers(db)} if caller.scope.is_whole else set()
    )
    errors: list[FieldError] = []
    first_line: dict[str, int | None] = {}
    for line, token in lines:
        for field, text in administration.token_problems(token):
            errors.append(FieldError(field, text, line))
        key = normalised_token(token.id_token)
        if key in first_line:
            text = f"This token stands in line {first_line[key]} already."
            errors.append(FieldError("id_token", text, line))
        first_line.setdefault(key, line)
        if token.organisation is not None and token.organisation not in organisations:
            text = f"There is no organisation {token.organisation!r}."
            errors.append(FieldError("organisation", text, line))
        if token.provider is not None and token.provider not in providers:
            errors.append(FieldError("provider", f"There is no provider {token.provider!r}.", line))
    if errors:
        raise ManyProblems(errors)
    if not caller.scope.is_whole:
        for _, token in lines:
            await _must_hold(db, caller, token.id_token)
    await administration.set_id_tokens(db, [token for _, token in lines], now=now)


async def _must_hold(db: AsyncSession, caller: Caller, id_token: str) -> None:
    """Let nobody take a token that others answer for."""
    for each in await registry.id_tokens(db, WHOLE, key=normalised_token(id_token), limit=1):
        holder = None if each.organisation is None else OrganisationKey(each.organisation)
        if not caller.scope.covers(holder):
            raise TokenTaken(id_token)
