"""Standard rates of value added tax, by country and date.

Only the standard rate: what payees are paid for is charging, which has no reduced rate here. A
country that is missing is refused, since a wrong tax on a paper is worse than none.

Source: European Commission, "VAT rates applied in the Member States"; Swiss Federal Tax
Administration (Switzerland and Liechtenstein); HM Revenue and Customs; Norwegian Tax
Administration. Rates since 2020, as known in 2026.
"""

from datetime import date
from decimal import Decimal
from typing import Final

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
