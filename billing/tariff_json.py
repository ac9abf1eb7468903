"""Reading tariffs from OCPI's JSON and giving them back.

Reading is strict, because a misread field is wrong money: unknown fields, numbers finer than OCPI's
four decimals and things that contradict each other are refused, all at once, each with its place.
Restrictions by current are refused too, since rating knows energy and time only; restrictions by
power say the same. What a tariff has beyond OCPI stands in a field of its own, `leitstand`.

Source: OCPI 2.2.1, chapter 11 (Tariffs module) and section 16 (types), bug-fix edition.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, TypeVar

from billing.tariffs import (
    NO_ADDITIONS,
    Additions,
    BlockingFee,
    Cap,
    DayOfWeek,
    Dimension,
    DisplayText,
    Excess,
    PriceComponent,
    PriceLimit,
    ReservationRestriction,
    Restrictions,
    Tariff,
    TariffElement,
    TariffType,
)
from foundation.errors import InvalidInput
from foundation.money import MINOR_DIGITS


@dataclass(frozen=True, slots=True)
class TariffProblem:
    """What is wrong with a tariff, and where, as in `elements[0].price_components[1].price`."""

    path: str
    text: str


class InvalidTariff(InvalidInput):
    """The tariff is none that OCPI allows or that can be rated; `problems` says all there is."""

    code = "invalid_tariff"

    def __init__(self, problems: Sequence[TariffProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__(
            "; ".join(f"{problem.path}: {problem.text}" for problem in self.problems),
            field=self.problems[0].path,
        )


def parse_tariff(data: object) -> Tariff:
    """Read a tariff from decoded JSON.

    Args:
        data: OCPI's Tariff object. Numbers may be int, Decimal or float; a float is taken by its
            shortest decimal form, so that 0.25 is exactly 0.25.

    Raises:
        InvalidTariff: With every problem there is, not only the first.
    """
    reader = _Reader()
    tariff = reader.tariff(data)
    if reader.problems:
        raise InvalidTariff(reader.problems)
    assert tariff is not None
    return tariff


ADDITIONS: Final = "leitstand"
"""The field of what is ours; OCPI lets other parties ignore fields that they do not know."""

# ------------------------------------------------------------------------------------ writing


def tariff_json(tariff: Tariff) -> dict[str, Any]:
    """Return the tariff as OCPI's JSON, without what is not set; `parse_tariff` gives it back."""
    result = _object_json(tariff)
    del result["additions"]
    if tariff.additions != NO_ADDITIONS:
        result[ADDITIONS] = _object_json(tariff.additions)
    return result


def _object_json(value: object) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for field in fields(value):  # type: ignore[arg-type]
        item = getattr(value, field.name)
        if item is not None and item != ():
            result[field.name] = _json(item)
    return result


def _json(item: object) -> Any:
    if isinstance(item, str | int | Mapping):  # enums are strings
        return str(item) if isinstance(item, StrEnum) else item
    if isinstance(item, Decimal):
        return int(item) if item == item.to_integral_value() else float(item)
    if isinstance(item, datetime):
        return item.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(item, date):
        return item.isoformat()
    if isinstance(item, time):
        return item.strftime("%H:%M")
    if isinstance(item, tuple):
        return [_json(part) for part in item]
    return _object_json(item)


# ------------------------------------------------------------------------------------ reading

_MOST: Final = Decimal(1_000_000_000)
_DECIMALS: Final = 4
_LONGEST_MINUTES: Final = 60 * 24 * 7
_TIME: Final = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_DATE: Final = re.compile(r"[12][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])")
_BY_CURRENT: Final = ("min_current", "max_current")

_E = TypeVar("_E", bound=StrEnum)
_T = TypeVar("_T")


class _Reader:
    """Reads a tariff and gathers the problems on the way."""

    def __init__(self) -> None:
        self.problems: list[TariffProblem] = []

    def problem(self, path: str, text: str) -> None:
        self.problems.append(TariffProblem(path, text))

    # -------------------------------------------------------------- the objects of OCPI

    def tariff(self, data: object) -> Tariff | None:
        given = self.record(
            data, "", Tariff, required=("id", "currency", "elements"), known=(ADDITIONS,)
        )
        if given is None:
            return None
        start = self.optional(given, "", "start_date_time", self.moment)
        end = self.optional(given, "", "end_date_time", self.moment)
        self.ordered(start, end, "end_date_time", "start_date_time")
        low = self.optional(given, "", "min_price", self.price_limit)
        high = self.optional(given, "", "max_price", self.price_limit)
        self.limits_agree(low, high)
        tariff = Tariff(
            id=self.optional(given, "", "id", self.string(36)) or "",
            currency=self.optional(given, "", "currency", self.currency) or "",
            elements=self.items(given, "", "elements", self.element),
            country_code=self.optional(given, "", "country_code", self.string(2, exact=True)),
            party_id=self.optional(given, "", "party_id", self.string(3, exact=True)),
            type=self.optional(given, "", "type", self.enum(TariffType)),
            tariff_alt_text=self.items(given, "", "tariff_alt_text", self.text),
            tariff_alt_url=self.optional(given, "", "tariff_alt_url", self.url),
            min_price=low,
            max_price=high,
            start_date_time=start,
            end_date_time=end,
            energy_mix=self.optional(given, "", "energy_mix", self.any_object),
            last_updated=self.optional(given, "", "last_updated", self.moment),
            additions=self.optional(given, "", ADDITIONS, self.additions) or NO_ADDITIONS,
        )
        if tariff.additions.blocking_fee is not None and any(
            component.type is Dimension.PARKING_TIME
            for element in tariff.elements
            for component in element.price_components
        ):
            self.problem(
                f"{ADDITIONS}.blocking_fee", "would come on top of a price for PARKING_TIME"
            )
        return tariff

    def element(self, data: object, path: str) -> TariffElement | None:
        given = self.record(data, path, TariffElement, required=("price_components",))
        if given is None:
            return None
        components = self.items(given, path, "price_components", self.component)
        restrictions = self.optional(given, path, "restrictions", self.restrictions)
        seen: set[Dimension] = set()
        for index, component in enumerate(components):
            place = f"{path}.price_components[{index}].type"
            if component.type in seen:
                self.problem(place, f"{component.type} has a price in this element already")
            seen.add(component.type)
            if (
                restrictions is not None
                and restrictions.reservation is not None
                and component.type not in (Dimension.FLAT, Dimension.TIME)
            ):
                self.problem(place, f"a reservation has no {component.type}, only FLAT and TIME")
        return TariffElement(price_components=components, restrictions=restrictions)

    def component(self, data: object, path: str) -> PriceComponent | None:
        given = self.record(data, path, PriceComponent, required=("type", "price", "step_size"))
        if given is None:
            return None
        dimension = self.optional(given, path, "type", self.enum(Dimension))
        price = self.optional(given, path, "price", self.number())
        vat = self.optional(given, path, "vat", self.number(most=Decimal(100)))
        step_size = self.optional(given, path, "step_size", self.integer)
        if dimension is None or price is None or step_size is None:
            return None
        return PriceComponent(type=dimension, price=price, vat=vat, step_size=step_size)

    def restrictions(self, data: object, path: str) -> Restrictions | None:
        given = self.record(data, path, Restrictions, known=_BY_CURRENT)
        if given is None:
            return None
        for name in _BY_CURRENT:
            if given.get(name) is not None:
                self.problem(
                    f"{path}.{name}", "currents are not known here; restrict by power instead"
                )
        result = Restrictions(
            start_time=self.optional(given, path, "start_time", self.clock_time),
            end_time=self.optional(given, path, "end_time", self.clock_time),
            start_date=self.optional(given, path, "start_date", self.day),
            end_date=self.optional(given, path, "end_date", self.day),
            min_kwh=self.optional(given, path, "min_kwh", self.number()),
            max_kwh=self.optional(given, path, "max_kwh", self.number()),
            min_power=self.optional(given, path, "min_power", self.number()),
            max_power=self.optional(given, path, "max_power", self.number()),
            min_duration=self.optional(given, path, "min_duration", self.integer),
            max_duration=self.optional(given, path, "max_duration", self.integer),
            day_of_week=self.items(given, path, "day_of_week", self.enum(DayOfWeek)),
            reservation=self.optional(
                given, path, "reservation", self.enum(ReservationRestriction)
            ),
        )
        for low, high in (
            ("start_date", "end_date"),
            ("min_kwh", "max_kwh"),
            ("min_power", "max_power"),
            ("min_duration", "max_duration"),
        ):
            self.ordered(getattr(result, low), getattr(result, high), f"{path}.{high}", low)
        return None if result == Restrictions() else result

    def price_limit(self, data: object, path: str) -> PriceLimit | None:
        given = self.record(data, path, PriceLimit, required=("excl_vat",))
        if given is None:
            return None
        excl_vat = self.optional(given, path, "excl_vat", self.number())
        incl_vat = self.optional(given, path, "incl_vat", self.number())
        if excl_vat is None:
            return None
        if incl_vat is not None and incl_vat < excl_vat:
            self.problem(f"{path}.incl_vat", "is less than excl_vat")
        return PriceLimit(excl_vat, incl_vat)

    def text(self, data: object, path: str) -> DisplayText | None:
        given = self.record(data, path, DisplayText, required=("language", "text"))
        if given is None:
            return None
        language = self.optional(given, path, "language", self.string(2, exact=True))
        text = self.optional(given, path, "text", self.string(512))
        return None if language is None or text is None else DisplayText(language, text)

    def limits_agree(self, low: PriceLimit | None, high: PriceLimit | None) -> None:
        if low is None or high is None:
            return
        if low.excl_vat > high.excl_vat:
            self.problem("max_price.excl_vat", "is less than min_price.excl_vat")
        if low.incl_vat is not None and high.incl_vat is not None and low.incl_vat > high.incl_vat:
            self.problem("max_price.incl_vat", "is less than min_price.incl_vat")

    # -------------------------------------------------------------- what is ours

    def additions(self, data: object, path: str) -> Additions | None:
        given = self.record(data, path, Additions)
        if given is None:
            return None
        caps = self.items(given, path, "caps", self.cap)
        if len({each.type for each in caps}) < len(caps):
            self.problem(f"{path}.caps", "has two for one dimension")
        result = Additions(
            free_minutes=self.optional(given, path, "free_minutes", self.minutes),
            caps=caps,
            blocking_fee=self.optional(given, path, "blocking_fee", self.blocking_fee),
            session_limit_minutes=self.optional(given, path, "session_limit_minutes", self.minutes),
            excess=self.optional(given, path, "excess", self.enum(Excess)),
        )
        self.ordered(
            result.free_minutes,
            result.session_limit_minutes,
            f"{path}.session_limit_minutes",
            "free_minutes",
        )
        return result

    def cap(self, data: object, path: str) -> Cap | None:
        given = self.record(data, path, Cap, required=("type", "amount"))
        if given is None:
            return None
        dimension = self.optional(given, path, "type", self.enum(Dimension))
        amount = self.optional(given, path, "amount", self.number())
        if dimension is Dimension.FLAT:
            self.problem(f"{path}.type", "FLAT is due once and needs no cap")
        return None if dimension is None or amount is None else Cap(dimension, amount)

    def blocking_fee(self, data: object, path: str) -> BlockingFee | None:
        given = self.record(data, path, BlockingFee, required=("price", "step_size"))
        if given is None:
            return None
        price = self.optional(given, path, "price", self.number())
        step_size = self.optional(given, path, "step_size", self.integer)
        begin = self.optional(given, path, "exempt_from", self.clock_time)
        end = self.optional(given, path, "exempt_to", self.clock_time)
        if (given.get("exempt_from") is None) != (given.get("exempt_to") is None):
            self.problem(f"{path}.exempt_to", "both ends of the exempt time belong together")
        elif begin is not None and begin == end:
            self.problem(f"{path}.exempt_to", "is the same as exempt_from")
        if price is None or step_size is None:
            return None
        return BlockingFee(
            price=price,
            vat=self.optional(given, path, "vat", self.number(most=Decimal(100))),
            step_size=step_size,
            grace_minutes=self.optional(given, path, "grace_minutes", self.integer),
            exempt_from=begin,
            exempt_to=end,
            max_price=self.optional(given, path, "max_price", self.number()),
        )

    def minutes(self, value: object, path: str) -> int | None:
        number = self.integer(value, path)
        if number is not None and not 1 <= number <= _LONGEST_MINUTES:
            self.problem(path, f"must be between 1 and {_LONGEST_MINUTES}")
            return None
        return number

    # -------------------------------------------------------------- shapes

    def record(
        self,
        data: object,
        path: str,
        of: type,
        *,
        required: Iterable[str] = (),
        known: Iterable[str] = (),
    ) -> Mapping[str, object] | None:
        if not isinstance(data, Mapping):
            self.problem(path or "tariff", "must be an object")
            return None
        names = ({field.name for field in fields(of)} - {"additions"}) | set(known)
        for name in data:
            if name not in names:
                self.problem(_join(path, str(name)), "is no field of OCPI 2.2.1 here")
        for name in required:
            if data.get(name) is None:
                self.problem(_join(path, name), "is missing")
        return data

    def optional(
        self,
        given: Mapping[str, object],
        path: str,
        name: str,
        read: Callable[[object, str], _T | None],
    ) -> _T | None:
        """Read a field; OCPI lets null stand for a field that is left out."""
        value = given.get(name)
        return None if value is None else read(value, _join(path, name))

    def items(
        self,
        given: Mapping[str, object],
        path: str,
        name: str,
        read: Callable[[object, str], _T | None],
    ) -> tuple[_T, ...]:
        value = given.get(name)
        if value is None:
            return ()
        place = _join(path, name)
        if not isinstance(value, list | tuple):
            self.problem(place, "must be a list")
            return ()
        if not value and name in ("elements", "price_components"):
            self.problem(place, "must not be empty")
        read_items = [read(item, f"{place}[{index}]") for index, item in enumerate(value)]
        return tuple(item for item in read_items if item is not None)

    def ordered(self, low: Any, high: Any, path: str, name: str) -> None:
        if low is not None and high is not None and low >= high:
            self.problem(path, f"must be greater than {name}")

    # -------------------------------------------------------------- values

    def any_object(self, value: object, path: str) -> Mapping[str, Any] | None:
        if isinstance(value, Mapping):
            return value
        self.problem(path, "must be an object")
        return None

    def number(self, most: Decimal = _MOST) -> Callable[[object, str], Decimal | None]:
        def read(value: object, path: str) -> Decimal | None:
            if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
                self.problem(path, "must be a number")
                return None
            number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
            if not number.is_finite() or not 0 <= number <= most:
                self.problem(path, f"must be between 0 and {most}")
                return None
            if number != round(number, _DECIMALS):
                self.problem(path, f"must have at most {_DECIMALS} decimals")
                return None
            return number

        return read

    def integer(self, value: object, path: str) -> int | None:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            self.problem(path, "must be a whole number")
            return None
        if not 0 <= value <= _MOST:
            self.problem(path, f"must be between 0 and {_MOST}")
            return None
        return value

    def string(self, length: int, *, exact: bool = False) -> Callable[[object, str], str | None]:
        def read(value: object, path: str) -> str | None:
            if (
                not isinstance(value, str)
                or not 0 < len(value) <= length
                or not value.isprintable()
                or (exact and len(value) != length)
            ):
                size = f"exactly {length}" if exact else f"1 to {length}"
                self.problem(path, f"must be a text of {size} printable characters")
                return None
            return value

        return read

    def enum(self, of: type[_E]) -> Callable[[object, str], _E | None]:
        def read(value: object, path: str) -> _E | None:
            if isinstance(value, str) and value in list(of):
                return of(value)
            self.problem(path, f"must be one of {', '.join(of)}")
            return None

        return read

    def currency(self, value: object, path: str) -> str | None:
        if isinstance(value, str) and value in MINOR_DIGITS:
            return value
        self.problem(path, "must be a currency of ISO 4217 that this program knows, such as EUR")
        return None

    def url(self, value: object, path: str) -> str | None:
        text = self.string(255)(value, path)
        if text is not None and not text.startswith(("https://", "http://")):
            self.problem(path, "must be a web address")
        return text

    def clock_time(self, value: object, path: str) -> time | None:
        if isinstance(value, str) and _TIME.fullmatch(value):
            return time.fromisoformat(value)
        self.problem(path, "must be a time of day such as 13:30, from 00:00 to 23:59")
        return None

    def day(self, value: object, path: str) -> date | None:
        if isinstance(value, str) and _DATE.fullmatch(value):
            try:
                return date.fromisoformat(value)
            except ValueError:
                pass  # 31 February has the right shape
        self.problem(path, "must be a date such as 2026-12-24")
        return None

    def moment(self, value: object, path: str) -> datetime | None:
        """Read an OCPI DateTime, which is in UTC, with or without a Z."""
        if isinstance(value, str) and len(value) >= len("2026-12-24T00:00"):
            try:
                moment = datetime.fromisoformat(value)
            except ValueError:
                pass
            else:
                return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
        self.problem(path, "must be a moment such as 2026-12-24T13:30:00Z")
        return None


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
