"""A tariff as drivers read it before they charge: every price with VAT, and when it holds.

Source: AFIR (EU) 2023/1804, article 5(4): the ad hoc price is clear before a session begins, with
all its components: per kWh, per minute, per session, and whatever else is asked for.
"""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from billing.tariffs import BlockingFee, Dimension, PriceComponent, PriceLimit, Tariff
from portal import formats
from portal.price_words import restrictions_in_words
from portal.words import Words, marked

_MINUTES_PER_HOUR = 60


@dataclass(frozen=True, slots=True)
class PublicPrice:
    """A price with what it is for, and when it holds; `when` is empty where it always does."""

    name: str
    price: str
    when: str = ""


@dataclass(frozen=True, slots=True)
class _Amount:
    amount: Decimal
    currency: str


_NAMES: dict[Dimension, str] = {
    Dimension.ENERGY: marked("Energy"),
    Dimension.TIME: marked("Charging time"),
    Dimension.PARKING_TIME: marked("Parking without charging"),
    Dimension.FLAT: marked("Start fee"),
}


def public_prices(tariff: Tariff, said: Words) -> list[PublicPrice]:
    """Return what charging costs, in the order in which the tariff has it.

    A price of zero is only told where nothing else is, so that "free" is said and not concealed.
    """
    found: list[PublicPrice] = []
    begun: set[Dimension] = set()
    settled: set[Dimension] = set()
    for _, element in tariff.of_charging.items:
        held = element.restrictions
        conditions = [] if held is None else restrictions_in_words(held, said)
        for each in element.price_components:
            if each.type in settled:
                continue  # An earlier price always holds.
            when = ", ".join(conditions)
            if not conditions:
                settled.add(each.type)
                when = said.gettext("otherwise") if each.type in begun else ""
            begun.add(each.type)
            if each.price:
                name = said.gettext(_NAMES[each.type])
                found.append(PublicPrice(name, _price(each, tariff, said), when))
    ours = tariff.additions
    if ours.blocking_fee is not None:
        found.append(_blocking(ours.blocking_fee, tariff, said))
    if ours.free_minutes:
        found.append(
            PublicPrice(
                said.gettext("First minutes"),
                said.gettext("free of charge"),
                formats.duration(timedelta(minutes=ours.free_minutes), said.locale),
            )
        )
    for name, limit in (
        (said.gettext("At least per session"), tariff.min_price),
        (said.gettext("At most per session"), tariff.max_price),
    ):
        if limit is not None:
            found.append(_limit(name, limit, tariff, said))
    return found or [PublicPrice(said.gettext("Charging"), said.gettext("free of charge"))]


def gross(price: Decimal, vat: Decimal | None) -> Decimal:
    """Return a price with VAT, exactly; without any where none applies."""
    return price if vat is None else price * (100 + vat) / 100


def _unit(price: Decimal, vat: Decimal | None, tariff: Tariff, said: Words) -> str:
    exact = gross(price, vat)
    rounded = exact.quantize(Decimal("0.0001")).normalize()
    return formats.unit_price(_Amount(rounded, tariff.currency), said.locale)


def _price(component: PriceComponent, tariff: Tariff, said: Words) -> str:
    match component.type:
        case Dimension.ENERGY:
            return f"{_unit(component.price, component.vat, tariff, said)}/kWh"
        case Dimension.FLAT:
            return _unit(component.price, component.vat, tariff, said)
        case _:
            per_minute = component.price / _MINUTES_PER_HOUR
            return f"{_unit(per_minute, component.vat, tariff, said)}/min"


def _blocking(fee: BlockingFee, tariff: Tariff, said: Words) -> PublicPrice:
    when = []
    if fee.grace_minutes:
        span = formats.duration(timedelta(minutes=fee.grace_minutes), said.locale)
        when.append(said.gettext("from %(span)s after charging") % {"span": span})
    if fee.exempt_from is not None and fee.exempt_to is not None:
        when.append(
            said.gettext("not from %(low)s to %(high)s")
            % {"low": f"{fee.exempt_from:%H:%M}", "high": f"{fee.exempt_to:%H:%M}"}
        )
    if fee.max_price is not None:
        when.append(
            said.gettext("at most %(amount)s")
            % {"amount": _unit(fee.max_price, fee.vat, tariff, said)}
        )
    price = f"{_unit(fee.price / _MINUTES_PER_HOUR, fee.vat, tariff, said)}/min"
    return PublicPrice(said.gettext("Blocking fee after charging"), price, ", ".join(when))


def _limit(name: str, limit: PriceLimit, tariff: Tariff, said: Words) -> PublicPrice:
    """The limit with VAT; where only the net one is set, that and the word for it."""
    amount = limit.excl_vat if limit.incl_vat is None else limit.incl_vat
    when = said.gettext("without VAT") if limit.incl_vat is None else ""
    return PublicPrice(name, formats.money(_Amount(amount, tariff.currency), said.locale), when)
