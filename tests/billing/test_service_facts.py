"""The lines that follow from what is known, without a database."""

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from billing.charges import ChargeKind
from billing.months import Month
from billing.service_facts import Facts, daily_totals, service_lines
from billing.services import (
    Bounds,
    Per,
    Policy,
    PriceBook,
    Rule,
    Service,
    ServicePrice,
    Span,
    Subscription,
)
from foundation.identifiers import OrganisationKey, StationId
from foundation.money import Money

NORTH = OrganisationKey("north")
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
MARCH = Bounds.of(Month(2026, 3), ZoneInfo("UTC"))


def price(kind: str, amount: str, per: Per = Per.MONTH) -> ServicePrice:
    money = Money(Decimal(amount), "EUR")
    return ServicePrice(kind, per, money, Policy.LITERAL, "standard", LONG_AGO)


def march(day: int) -> datetime:
    return datetime(2026, 3, day, 12, tzinfo=UTC)


def known() -> Facts:
    prices = [
        price(Service.MONITORING, "9.90", Per.STATION),
        price(Service.ROAMING_BASE, "5"),
        price(Service.ROAMING_CDRS, "0.10", Per.CDR),
        price("service_package/gold", "20"),
    ]
    return Facts(
        debtor="organisation/north",
        organisation=NORTH,
        bounds=MARCH,
        day_ends=MARCH.day_ends(),
        prices=PriceBook(
            [[(LONG_AGO, "standard")]],
            {("standard", each.kind): [each] for each in prices},
        ),
        monitored={StationId("CS-1"): [Span(NORTH, march(5))]},
        subscribed={Subscription.ROAMING: [Span(NORTH, march(2))]},
        packages={
            ("station", "CS-1", "gold"): [Span(NORTH, march(3), march(9))],
            ("station", "CS-1", "silver"): [Span(NORTH, march(9))],
        },
        charge_points={},
        cdrs=[0, 2, 0, 1] + [0] * 27,
    )


def test_every_service_has_a_line_with_a_natural_key() -> None:
    found = {each.key: (each.month.rule, each.month.charged) for each in service_lines(known())}
    assert found == {
        "monitoring/CS-1/2026-03": (Rule.ACTIVE_AT_END, Money(Decimal("9.90"), "EUR")),
        "roaming_base/organisation/north/2026-03": (
            Rule.ACTIVE_AT_END,
            Money(Decimal("5.00"), "EUR"),
        ),
        "service_package/station/CS-1/gold/2026-03": (Rule.WAIVED, None),
        "service_package/station/CS-1/silver/2026-03": (Rule.ACTIVE_AT_END, None),
        "roaming_cdrs/organisation/north/2026-03": (Rule.USED, Money(Decimal("0.30"), "EUR")),
    }


def test_a_charge_names_what_it_is_for_and_by_which_price() -> None:
    gold = {each.kind: each for each in service_lines(known(), until=march(4))}
    charge = gold[ChargeKind.SERVICE_PACKAGE].charge("organisation/north")
    assert charge is not None
    assert (charge.about, charge.unit) == ("station/CS-1", "MON")
    assert charge.details == {
        "rule": "active_at_month_end",
        "policy": "literal",
        "price_list": "standard",
        "per": "month",
        "unit_price": "20",
        "package": "gold",
    }
    fee = gold[ChargeKind.ROAMING_CDRS].charge("organisation/north")
    assert fee is not None
    assert (fee.unit, fee.quantity, str(fee.first_day)) == ("C62", Decimal(3), "2026-03-02")


def test_what_came_later_was_not_known_then() -> None:
    assert service_lines(known(), until=march(1)) == []
    second = service_lines(known(), until=MARCH.day_ends()[1])
    assert [(each.kind, each.month.quantity) for each in second] == [
        (ChargeKind.ROAMING_BASE, 1),
        (ChargeKind.ROAMING_CDRS, 2),
    ]


def test_the_days_add_up_to_the_lines() -> None:
    totals = daily_totals(known(), "EUR")
    assert totals[:5] == [Decimal(each) for each in ("0", "5.20", "25.20", "25.30", "35.20")]
    assert totals[-1] == Decimal("15.20")
    charged = [each.month.charged for each in service_lines(known())]
    assert totals[-1] == sum(each.amount for each in charged if each is not None)
    assert set(daily_totals(known(), "CHF")) == {Decimal(0)}
