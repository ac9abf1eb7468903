"""Value added tax: standard rates by country and date, and which treatment a supply has.

Only the standard rate: charging and our services have no reduced rate here. A country that is
missing is refused, since a wrong tax on a paper is worse than none.

Source: European Commission, "VAT rates applied in the Member States"; Swiss Federal Tax
Administration (Switzerland and Liechtenstein); HM Revenue and Customs; Norwegian Tax
Administration. Rates since 2020, as known in 2026. Treatments: Directive 2006/112/EC, articles 38,
39 (electricity), 44, 45 (services), 196 (reverse charge), 282 to 292 (small businesses); CEF VATEX
code list.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final

from billing.documents import VatCategory
from billing.statements import TaxStatus
from foundation.errors import ExpectedError

_EVER: Final = date.min

_RATES: Final[dict[str, tuple[tuple[date, str], ...]]] = {
    "AT": ((_EVER, "20"),),
    "BE": ((_EVER, "21"),),
    "BG": ((_EVER, "20"),),
    "CH": ((_EVER, "7.7"), (date(2024, 1, 1), "8.1")),
    "CY": ((_EVER, "19"),),
    "CZ": ((_EVER, "21"),),
    "DE": ((_EVER, "19"), (date(2020, 7, 1), "16"), (date(2021, 1, 1), "19")),
    "DK": ((_EVER, "25"),),
    "EE": ((_EVER, "20"), (date(2024, 1, 1), "22"), (date(2025, 7, 1), "24")),
    "ES": ((_EVER, "21"),),
    "FI": ((_EVER, "24"), (date(2024, 9, 1), "25.5")),
    "FR": ((_EVER, "20"),),
    "GB": ((_EVER, "20"),),
    "GR": ((_EVER, "24"),),
    "HR": ((_EVER, "25"),),
    "HU": ((_EVER, "27"),),
    "IE": ((_EVER, "23"), (date(2020, 9, 1), "21"), (date(2021, 3, 1), "23")),
    "IT": ((_EVER, "22"),),
    "LI": ((_EVER, "7.7"), (date(2024, 1, 1), "8.1")),
    "LT": ((_EVER, "21"),),
    "LU": ((_EVER, "17"), (date(2023, 1, 1), "16"), (date(2024, 1, 1), "17")),
    "LV": ((_EVER, "21"),),
    "MT": ((_EVER, "18"),),
    "NL": ((_EVER, "21"),),
    "NO": ((_EVER, "25"),),
    "PL": ((_EVER, "23"),),
    "PT": ((_EVER, "23"),),
    "RO": ((_EVER, "19"), (date(2025, 8, 1), "21")),
    "SE": ((_EVER, "25"),),
    "SI": ((_EVER, "22"),),
    "SK": ((_EVER, "20"), (date(2025, 1, 1), "23")),
}
"""For each country the rates with the day from which each holds, oldest first."""


class UnknownVatRate(ExpectedError):
    """The payee charges VAT, but the standard rate of its country is not known here."""

    code = "unknown_vat_rate"

    def __init__(self, country: str) -> None:
        self.country = country
        super().__init__(
            f"The standard VAT rate of {country!r} is not known. Set the payee's tax status to"
            " something other than standard, or its country to one that is known."
        )


def standard_vat_rate(country: str, on: date) -> Decimal:
    """Return the standard rate of a country (ISO 3166-1 alpha-2) on a day, as a percentage.

    Raises:
        UnknownVatRate: If the country is not in the table.
    """
    if country not in _RATES:
        raise UnknownVatRate(country)
    return Decimal([rate for since, rate in _RATES[country] if since <= on][-1])


def standard_vat_rates(country: str) -> tuple[tuple[date, Decimal], ...]:
    """Return a country's rates, each with its first day, oldest first; none if it is not known."""
    return tuple((since, Decimal(rate)) for since, rate in _RATES.get(country, ()))


EUROPEAN_UNION: Final = frozenset(_RATES) - {"CH", "GB", "LI", "NO"}
"""The member states, by ISO 3166-1."""


class Supply(StrEnum):
    """What is sold."""

    CHARGING = "charging"
    """Energy at a station: taxed where it is taken, unless the buyer resells it."""
    SERVICE = "service"
    """Monitoring, licences, fees: taxed where a business buyer is, else where the seller is."""


class TaxReason(StrEnum):
    """Why no tax is shown; the papers have its sentence."""

    REVERSE_CHARGE = "reverse_charge"
    SMALL_BUSINESS = "small_business"
    OUTSIDE_SCOPE = "outside_scope"
    PRIVATE_SELLER = "private_seller"


VATEX: Final = {
    TaxReason.REVERSE_CHARGE: "VATEX-EU-AE",
    TaxReason.OUTSIDE_SCOPE: "VATEX-EU-O",
    TaxReason.PRIVATE_SELLER: "VATEX-EU-O",
}
"""The code of a reason; a small business has none in the list."""


@dataclass(frozen=True, slots=True)
class TaxPosition:
    """How somebody stands to VAT; `country` is the one that it is taxed in (ISO 3166-1)."""

    country: str
    status: TaxStatus
    vat_id: str | None
    resells: bool = False
    """Whether it buys energy to sell it on, as a provider (EMP) does."""


@dataclass(frozen=True, slots=True)
class Treatment:
    """How a supply is taxed.

    Attributes:
        rate: A percentage; None where each session has the one of its place.
        reason: None where tax is due.
    """

    category: VatCategory
    rate: Decimal | None
    reason: TaxReason | None = None


_NOTHING: Final = Decimal(0)


def treatment(seller: TaxPosition, buyer: TaxPosition, supply: Supply, on: date) -> Treatment:
    """Return how a supply of the seller to the buyer is taxed on a day.

    A buyer counts as a business if it has a VAT id and is not private. Charging is taxed where it
    happened, so by the rate that each session has, unless the buyer sells it on.

    Raises:
        UnknownVatRate: If tax is due and the seller's country is not in the table.
    """
    if seller.status is TaxStatus.PRIVATE:
        return Treatment(VatCategory.O, _NOTHING, TaxReason.PRIVATE_SELLER)
    if seller.status is TaxStatus.SMALL_BUSINESS:
        return Treatment(VatCategory.E, _NOTHING, TaxReason.SMALL_BUSINESS)
    if TaxStatus.REVERSE_CHARGE in (seller.status, buyer.status):
        return Treatment(VatCategory.AE, _NOTHING, TaxReason.REVERSE_CHARGE)
    is_business = buyer.vat_id is not None and buyer.status is not TaxStatus.PRIVATE
    moves = supply is Supply.SERVICE or buyer.resells
    if is_business and moves and buyer.country != seller.country:
        if {seller.country, buyer.country} <= EUROPEAN_UNION:
            return Treatment(VatCategory.AE, _NOTHING, TaxReason.REVERSE_CHARGE)
        return Treatment(VatCategory.O, _NOTHING, TaxReason.OUTSIDE_SCOPE)
    rate = standard_vat_rate(seller.country, on)
    return Treatment(VatCategory.S, None if supply is Supply.CHARGING else rate)


def payee_treatment(status: TaxStatus, rate: Decimal) -> Treatment:
    """Return how a payout is taxed by the status of its payee, who is the seller.

    Args:
        status: The payee's, as on the statement.
        rate: The statement's percentage.
    """
    if status is TaxStatus.STANDARD:
        return Treatment(VatCategory.S, rate)
    return {
        TaxStatus.SMALL_BUSINESS: Treatment(VatCategory.E, _NOTHING, TaxReason.SMALL_BUSINESS),
        TaxStatus.REVERSE_CHARGE: Treatment(VatCategory.AE, _NOTHING, TaxReason.REVERSE_CHARGE),
        TaxStatus.PRIVATE: Treatment(VatCategory.O, _NOTHING, TaxReason.PRIVATE_SELLER),
    }[status]
