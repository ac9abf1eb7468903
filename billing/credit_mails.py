"""Mails about credits, each in the language of whoever it goes to."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from accounts.directory import Language
from foundation.errors import NotFound
from foundation.identifiers import OrganisationKey
from foundation.mail import Mail, Mails

log = structlog.get_logger(__name__)

_TEXTS: Final[Mapping[str, Mapping[str, tuple[str, str]]]] = {
    "booked": {
        "en": (
            "{quantity} credits are booked",
            (
                "Dear {name},\n\n"
                "{quantity} credits of your order {number} are booked. Your balance is"
                " {balance} credits; they never expire.\n\n{link}\n"
            ),
        ),
        "de": (
            "{quantity} Credits sind gebucht",
            (
                "Guten Tag {name},\n\n"
                "{quantity} Credits Ihrer Bestellung {number} sind gebucht."
                " Ihr Stand ist {balance} Credits; sie verfallen nicht.\n\n{link}\n"
            ),
        ),
    },
    "warning": {
        "en": (
            "Remote access to {station}: too few credits to renew it",
            (
                "Dear {name},\n\n"
                "the remote access to {station} ends on {until} and is to be renewed"
                " for {runtime}. That takes {needed} credits; {available} are left for it. Without"
                " more credits it is switched off then.\n\nOrder credits: {link}\n"
            ),
        ),
        "de": (
            "Fernzugriff auf {station}: zu wenig Credits zum Verlängern",
            (
                "Guten Tag {name},\n\n"
                "der Fernzugriff auf {station} endet am {until} und soll um"
                " {runtime} verlängert werden. Das kostet {needed} Credits; {available} sind"
                " dafür noch da. Ohne weitere Credits wird er dann abgeschaltet.\n\n"
                "Credits bestellen: {link}\n"
            ),
        ),
    },
    "deactivated": {
        "en": (
            "Remote access to {station} is switched off",
            (
                "Dear {name},\n\n"
                "the remote access to {station} ended on {until} and was not renewed:"
                " {runtime} take {needed} credits, {available} are available.{offer}\n\n"
                "Order credits: {link}\n"
            ),
        ),
        "de": (
            "Fernzugriff auf {station} ist abgeschaltet",
            (
                "Guten Tag {name},\n\n"
                "der Fernzugriff auf {station} endete am {until} und wurde nicht"
                " verlängert: {runtime} kosten {needed} Credits, {available} sind da.{offer}\n\n"
                "Credits bestellen: {link}\n"
            ),
        ),
    },
    "lost": {
        "en": (
            "Remote access to {station} is switched off",
            (
                "Dear {name},\n\n"
                "the remote access to {station} ended on {until} and was not renewed:"
                " the station is no longer yours to see. No credits were taken.\n\n{link}\n"
            ),
        ),
        "de": (
            "Fernzugriff auf {station} ist abgeschaltet",
            (
                "Guten Tag {name},\n\n"
                "der Fernzugriff auf {station} endete am {until} und wurde nicht"
                " verlängert: Sie sehen die Ladestation nicht mehr. Es wurden keine Credits"
                " verbraucht.\n\n{link}\n"
            ),
        ),
    },
    "reading_only": {
        "en": (
            "Too few credits to use the portal",
            (
                "Dear {name},\n\n"
                "using the portal takes {needed} credits a month, {available} are"
                " available. Until there are more you can read everything and change nothing.\n\n"
                "Order credits: {link}\n"
            ),
        ),
        "de": (
            "Zu wenig Credits für die Portalnutzung",
            (
                "Guten Tag {name},\n\n"
                "die Portalnutzung kostet {needed} Credits im Monat,"
                " {available} sind da. Bis dahin können Sie alles lesen und nichts ändern.\n\n"
                "Credits bestellen: {link}\n"
            ),
        ),
    },
}
_OFFERS: Final[Mapping[str, str]] = {
    "en": " You can book 1 month instead, for {credits} credits: {link}",
    "de": " Sie können stattdessen 1 Monat für {credits} Credits buchen: {link}",
}
_RUNTIMES: Final[Mapping[str, Mapping[int, str]]] = {
    "en": {1: "1 month", 12: "12 months"},
    "de": {1: "1 Monat", 12: "12 Monate"},
}
_MOMENTS: Final[Mapping[str, str]] = {"en": "%d/%m/%Y %H:%M", "de": "%d.%m.%Y %H:%M"}


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who hears of an account's credits."""

    address: str
    name: str
    language: Language
    zone: ZoneInfo


async def recipient_of(
    db: AsyncSession, account: OrganisationKey, person_id: int | None
) -> Recipient | None:
    """Return whoever ordered or bought, as long as he is of the account; else the account itself.

    None if neither has a mail address.
    """
    owner = await directory.organisation(db, account)
    zone = ZoneInfo(owner.time_zone)
    if person_id is not None:
        try:
            person = await directory.person(db, person_id)
        except NotFound:
            person = None
        if person is not None and person.active and person.organisation == account and person.email:
            return Recipient(person.email, person.name, person.language, zone)
    if owner.email is None:
        return None
    return Recipient(owner.email, owner.name, owner.language, zone)


@dataclass(frozen=True, slots=True)
class Letters:
    """Posts mails about credits; `reached_at` is the portal's address for the links in them."""

    mails: Mails
    reached_at: str

    async def booked(
        self,
        db: AsyncSession,
        account: OrganisationKey,
        person_id: int | None,
        *,
        number: str,
        quantity: int,
        balance: int,
    ) -> None:
        """Tell that an order's credits are there."""
        await self._post(
            db,
            "booked",
            await recipient_of(db, account, person_id),
            {"quantity": quantity, "number": number, "balance": balance},
            link=f"{self.reached_at}/credits",
            key=f"credits/booked/{number}",
        )

    async def remote(
        self,
        db: AsyncSession,
        what: str,
        account: OrganisationKey,
        person_id: int | None,
        *,
        station: str,
        path: str,
        until: datetime,
        months: int,
        needed: int,
        available: int,
        one_month: int | None = None,
        days: int | None = None,
    ) -> None:
        """Tell about the end of a remote access: `warning`, `deactivated` or `lost`.

        Args:
            db: The unit of work.
            what: Which of them.
            account: Whose access it is.
            person_id: Who bought it.
            station: The station's identity.
            path: The page of the remote access.
            until: The end of the term.
            months: The runtime that was to be repeated.
            needed: What that costs.
            available: What there is for it.
            one_month: What one month costs, where that is offered instead.
            days: Which of the warnings it is.
        """
        found = await recipient_of(db, account, person_id)
        if found is None:
            log.warning("credits.no_address", account=account, mail=what)
            return
        offer = ""
        if one_month is not None:
            offer = _OFFERS[found.language].format(
                credits=one_month, link=f"{self.reached_at}{path}"
            )
        moment = until.astimezone(found.zone).strftime(_MOMENTS[found.language])
        values = {
            "station": station,
            "until": moment,
            "runtime": _RUNTIMES[found.language][months],
            "needed": needed,
            "available": available,
            "offer": offer,
        }
        stage = what if days is None else f"{what}-{days}"
        await self._post(
            db,
            what,
            found,
            values,
            link=f"{self.reached_at}/credits" + ("" if what == "lost" else "/order"),
            key=f"credits/{stage}/{account}/{station}/{until.isoformat()}",
        )

    async def reading_only(
        self,
        db: AsyncSession,
        account: OrganisationKey,
        person_id: int,
        *,
        month: str,
        needed: int,
        available: int,
    ) -> None:
        """Tell, once a month, that the portal is for reading only."""
        await self._post(
            db,
            "reading_only",
            await recipient_of(db, account, person_id),
            {"needed": needed, "available": available},
            link=f"{self.reached_at}/credits/order",
            key=f"credits/portal_use/{person_id}/{month}",
        )

    async def _post(
        self,
        db: AsyncSession,
        what: str,
        found: Recipient | None,
        values: Mapping[str, object],
        *,
        link: str,
        key: str,
    ) -> None:
        if found is None:
            log.warning("credits.no_address", mail=what, key=key)
            return
        subject, body = _TEXTS[what][found.language]
        written = {**values, "name": found.name, "link": link}
        await self.mails.post(
            db,
            Mail(
                recipient=found.address,
                subject=" ".join(subject.format(**written).split()),
                body_text=body.format(**written),
                language=found.language,
            ),
            key=key,
        )
