"""Links by mail with which people choose a password: invitations, and resets.

The link carries a secret that works once and for a limited time; only its hash is kept. It stands
in the fragment, which browsers send to nobody, so no log of a server or proxy has it.
"""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Final, Literal

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import passwords, store
from accounts.directory import Person, person_of
from accounts.tables import LetterRow
from foundation.database import Database
from foundation.errors import InvalidInput, NotPermitted
from foundation.mail import Mail, Mails

Purpose = Literal["invitation", "reset"]

LASTS: Final[dict[Purpose, timedelta]] = {
    "invitation": timedelta(days=7),
    "reset": timedelta(hours=1),
}
PATH = "/choose-password"
"""The page that the links lead to."""

RESETS_APART = timedelta(minutes=5)
"""Somebody who asks again sooner gets no second mail: nobody's box is filled by others."""

_SUBJECT: Final = {
    "invitation": {"en": "Your access to Leitstand", "de": "Ihr Zugang zu Leitstand"},
    "reset": {
        "en": "Choose a new password for Leitstand",
        "de": "Neues Passwort für Leitstand wählen",
    },
}
_BODY: Final = {
    "invitation": {
        "en": (
            "Dear {name},\n\nyou were given access to Leitstand. Your user name is {user_name}.\n"
            "Choose your password here within seven days:\n\n{link}\n\n"
            "The link works once. If you did not expect it, do nothing.\n"
        ),
        "de": (
            "Guten Tag {name},\n\nSie haben Zugang zu Leitstand erhalten. Ihr Benutzername ist"
            " {user_name}.\nWählen Sie hier innerhalb von sieben Tagen Ihr Passwort:\n\n{link}\n\n"
            "Der Link gilt einmal. Haben Sie ihn nicht erwartet, tun Sie nichts.\n"
        ),
    },
    "reset": {
        "en": (
            "Dear {name},\n\nsomebody, probably you, asked for a new password for {user_name}.\n"
            "Choose it here within one hour:\n\n{link}\n\n"
            "The link works once. If it was not you, do nothing: the old password stays.\n"
        ),
        "de": (
            "Guten Tag {name},\n\njemand, wahrscheinlich Sie, hat ein neues Passwort für"
            " {user_name} angefordert.\nWählen Sie es hier innerhalb einer Stunde:\n\n{link}\n\n"
            "Der Link gilt einmal. Waren Sie es nicht, tun Sie nichts: Das alte Passwort bleibt.\n"
        ),
    },
}
_WARNING_SUBJECT: Final = {
    "en": "Wrong codes for your second factor",
    "de": "Falsche Codes für Ihren zweiten Faktor",
}
_WARNING: Final = {
    "en": (
        "Dear {name},\n\nsomebody knows your password for Leitstand and gave the wrong second"
        " factor {times} times.\nFurther tries have to wait longer and longer. If it was not you,"
        " change your password.\nThe last try came from {address}.\n"
    ),
    "de": (
        "Guten Tag {name},\n\njemand kennt Ihr Passwort für Leitstand und hat {times}-mal einen"
        " falschen zweiten Faktor eingegeben.\nWeitere Versuche müssen immer länger warten. Waren"
        " Sie es nicht, ändern Sie Ihr Passwort.\nDer letzte Versuch kam von {address}.\n"
    ),
}


class NoAddress(InvalidInput):
    """The person has no mail address that a link could be sent to."""

    code = "no_address"

    def __init__(self) -> None:
        super().__init__("The user has no mail address.", field="email")


class LinkOver(NotPermitted):
    """The link was used, is over, or was never given out; which of them is not said."""

    code = "link_over"

    def __init__(self) -> None:
        super().__init__("This link was used or is over. Ask for a new one.")


async def send(
    db: AsyncSession,
    mails: Mails,
    person: Person,
    purpose: Purpose,
    *,
    public_url: str,
    now: datetime,
) -> None:
    """Mail a person a link, in the caller's unit of work; links sent earlier are void.

    Args:
        db: The unit of work.
        mails: The sender.
        person: To whom.
        purpose: Why.
        public_url: How the portal is reached from outside, without a slash at the end; never what
            a request says of itself, since anybody can say that.
        now: The moment.

    Raises:
        NoAddress: If the person has no mail address.
    """
    if person.email is None:
        raise NoAddress
    secret = secrets.token_urlsafe(32)
    await _end_letters(db, person.id, now)
    db.add(
        LetterRow(
            secret_hash=_hashed(secret),
            person_id=person.id,
            purpose=purpose,
            created_at=now,
            expires_at=now + LASTS[purpose],
        )
    )
    await db.flush()
    body = _BODY[purpose][person.language].format(
        name=person.name, user_name=person.user_name, link=f"{public_url}{PATH}#{secret}"
    )
    mail = Mail(person.email, _SUBJECT[purpose][person.language], body, person.language)
    await mails.post(db, mail, key=f"letter/{_hashed(secret).hex()[:32]}")


async def ask_for_reset(
    db: AsyncSession, mails: Mails, name: str, *, public_url: str, now: datetime
) -> Person | None:
    """Mail a link to whoever has this user name or mail address; None if nobody is told.

    Who asked must be answered the same in both cases.
    """
    row = await store.person_called(db, name.strip().lower())
    if row is None or not row.active or row.email is None:
        return None
    await store.person(db, row.id, locked=True)  # two at once must not both send
    recent = await db.scalar(
        select(LetterRow.person_id)
        .where(LetterRow.person_id == row.id, LetterRow.created_at > now - RESETS_APART)
        .limit(1)
    )
    if recent is not None:
        return None
    person = await person_of(db, row)
    await send(db, mails, person, "reset", public_url=public_url, now=now)
    return person


async def choose_password(
    database: Database, secret: str, password: str, *, now: datetime
) -> Person:
    """Set the password of whoever the link was sent to; the link, and all logins, end.

    Raises:
        InvalidInput: If the password is too short or too long.
        LinkOver: If the link does not work, or the person is deactivated.
    """
    async with database.unit_of_work() as db:
        await _open(db, secret, now)  # before the costly hash
    password_hash = await passwords.hashed(password)
    async with database.unit_of_work() as db:
        letter = await _open(db, secret, now, locked=True)
        row = await store.person(db, letter.person_id, locked=True)
        if row is None or not row.active:
            raise LinkOver
        row.password_hash = password_hash
        await _end_letters(db, row.id, now)
        await store.end_logins_of(db, row.id)
        return await person_of(db, row)


async def warn_of_wrong_codes(
    db: AsyncSession, mails: Mails, person: Person, *, times: int, address: str, now: datetime
) -> None:
    """Tell a person that somebody has his password; once a day at most."""
    if person.email is None:
        return
    text = _WARNING[person.language].format(name=person.name, times=times, address=address or "?")
    key = f"wrong second factor/{person.id}/{now.date().isoformat()}"
    subject = _WARNING_SUBJECT[person.language]
    await mails.post(db, Mail(person.email, subject, text, person.language), key=key)


async def _open(db: AsyncSession, secret: str, now: datetime, *, locked: bool = False) -> LetterRow:
    query = select(LetterRow).where(LetterRow.secret_hash == _hashed(secret))
    row = await db.scalar(query.with_for_update() if locked else query)
    if row is None or row.used_at is not None or row.expires_at <= now:
        raise LinkOver
    return row


async def _end_letters(db: AsyncSession, person_id: int, now: datetime) -> None:
    await db.execute(
        update(LetterRow)
        .where(LetterRow.person_id == person_id, LetterRow.used_at.is_(None))
        .values(used_at=now)
    )


def _hashed(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
