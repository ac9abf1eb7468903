"""Prices and tokens as one would explain them to a caller."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import Scope
from billing import pricing
from billing.rating import LineKind
from billing.tariffs import Dimension, Tariff, TariffElement
from billing.usage import Usage
from csms import registry
from csms.registry import Station, StoredToken
from foundation.events import TransactionStarted, UsagePoint
from foundation.identifiers import (
    ConnectorId,
    EvseId,
    OrganisationKey,
    TransactionId,
    normalised_token,
)
from foundation.money import Money
from portal import formats
from portal.price_words import PriceLine, kind_name, price_line, restrictions_in_words
from portal.support_words import TOKEN_ANSWERS
from portal.words import Words

EXAMPLE_WH: Final = Decimal(20_000)
EXAMPLE_LASTS: Final = timedelta(hours=1)

_KINDS: Final = {
    Dimension.ENERGY: (LineKind.ENERGY, "/kWh"),
    Dimension.TIME: (LineKind.TIME, "/h"),
    Dimension.PARKING_TIME: (LineKind.PARKING_TIME, "/h"),
    Dimension.FLAT: (LineKind.FLAT, ""),
}


@dataclass(frozen=True, slots=True)
class PriceRule:
    """One price as a sentence, and when it holds (empty: always)."""

    sentence: str
    when: str


@dataclass(frozen=True, slots=True)
class Example:
    """What a usual session costs now."""

    lines: tuple[PriceLine, ...]
    net: Money
    gross: Money


@dataclass(frozen=True, slots=True)
class PriceTold:
    """The price at an EVSE now; without `tariff` none is assigned there."""

    tariff: str
    is_free: bool
    rules: tuple[PriceRule, ...]
    example: Example | None


@dataclass(frozen=True, slots=True)
class TokenTold:
    """What is known of a token, in a caller's words; `key` is that of `TOKEN_ANSWERS`."""

    value: str
    key: str
    answer: str
    advice: str
    holder: str
    is_external: bool
    valid_until: datetime | None


async def price_at(
    db: AsyncSession, station: Station, evse_id: int, said: Words, now: datetime
) -> PriceTold:
    """Return the price that holds at an EVSE now, with what an example session would cost."""
    start = TransactionStarted(
        happened_at=now,
        transaction_id=TransactionId(1),
        station=station.identity,
        evse_id=EvseId(evse_id),
        connector_id=ConnectorId(1),
        location=station.location,
        owner=station.organisation,
        time_zone=station.time_zone,
        id_token=None,
        token_status=None,
        token_organisation=None,
        token_provider=None,
        free_vend=station.free_vend,
        started_at=now,
        meter_start_wh=None,
    )
    if station.free_vend:
        return PriceTold("", True, (), None)
    [found] = await pricing.tariffs_at(db, [start], await pricing.parents_of_all(db))
    if found is None:
        return PriceTold("", False, (), None)
    usage = Usage(
        (UsagePoint(now, Decimal(0), True), UsagePoint(now + EXAMPLE_LASTS, EXAMPLE_WH, False))
    )
    rating = pricing.preview(found.tariff, usage, station.time_zone)
    example = Example(
        tuple(price_line(each, said) for each in rating.lines), rating.net, rating.gross
    )
    return PriceTold(found.tariff_id, False, tuple(_rules(found.tariff, said)), example)


def _rules(tariff: Tariff, said: Words) -> list[PriceRule]:
    rules = [rule for element in tariff.elements for rule in _of_element(element, tariff, said)]
    for limit, text in (
        (tariff.min_price, said.gettext("At least %(price)s a session")),
        (tariff.max_price, said.gettext("At most %(price)s a session")),
    ):
        if limit is not None:
            price = formats.money(Money(limit.excl_vat, tariff.currency), said.locale)
            rules.append(PriceRule(text % {"price": price}, ""))
    return rules


def _of_element(element: TariffElement, tariff: Tariff, said: Words) -> list[PriceRule]:
    held = element.restrictions
    if held is not None and held.reservation is not None:
        return []  # nobody who stands at the station asks for it
    when = "" if held is None else ", ".join(restrictions_in_words(held, said))
    rules = []
    for each in element.price_components:
        kind, unit = _KINDS[each.type]
        price = formats.unit_price(Money(each.price, tariff.currency), said.locale)
        text = f"{kind_name(kind, said)}: {price}{unit}"
        if each.vat is not None:
            vat = formats.number(each.vat, said.locale, 0 if each.vat == int(each.vat) else 1)
            text += " " + said.gettext("plus %(vat)s %% VAT") % {"vat": vat}
        rules.append(PriceRule(text, when))
    return rules


async def token_told(
    db: AsyncSession,
    scope: Scope,
    value: str,
    names: Mapping[OrganisationKey, str],
    said: Words,
    now: datetime,
) -> TokenTold:
    """Return what is known of a token, whatever separators somebody types in it."""
    key = normalised_token(value)
    found = await registry.id_tokens(db, scope, key=key, limit=1) if key else []
    token = found[0] if found else None
    status = status_of(token, now)
    answer = TOKEN_ANSWERS[status]
    holder = ""
    if token is not None:
        organisation = OrganisationKey(token.organisation or "")
        holder = token.provider or names.get(organisation, organisation)
    return TokenTold(
        value=value,
        key=status,
        answer=said.gettext(answer.name),
        advice=said.gettext(answer.advice),
        holder=holder,
        is_external=token is not None and token.provider is not None,
        valid_until=None if token is None else token.valid_until,
    )


def status_of(token: StoredToken | None, now: datetime) -> str:
    """Return the key of what is said of a token; a validity that is over goes before its status."""
    if token is None:
        return "unknown"
    if token.status == "accepted" and token.valid_until is not None and token.valid_until <= now:
        return "expired"
    return token.status if token.status in TOKEN_ANSWERS else "unknown"
