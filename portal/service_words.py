"""What services cost, as sentences: what it is for, by which rule, and what can still change it."""

from collections.abc import Mapping
from typing import Final

from billing.charges import ChargeKind
from billing.service_costs import CostLine
from billing.services import PACKAGE, Outlook, Per, Policy, Rule, Subscription
from portal import formats
from portal.words import Words, marked

KINDS: Final[Mapping[ChargeKind, str]] = {
    ChargeKind.MONITORING: marked("Monitoring of a station"),
    ChargeKind.AUTOMATED_INVOICING: marked("Automated invoicing"),
    ChargeKind.CREDIT_NOTES: marked("Credit notes to owners"),
    ChargeKind.ROAMING_BASE: marked("Roaming, monthly base fee"),
    ChargeKind.ROAMING_CDRS: marked("Roaming, fee for each session"),
    ChargeKind.MAINTENANCE: marked("Yearly maintenance"),
    ChargeKind.INTERVENTION: marked("Visit of a technician"),
    ChargeKind.SERVICE_PACKAGE: marked("Service package"),
    ChargeKind.CREDITS: marked("Credits"),
    ChargeKind.LICENCE: marked("Licence"),
    ChargeKind.DATAPOINTS: marked("Datapoints"),
    ChargeKind.METERING_POINTS: marked("Metering points"),
    ChargeKind.BASE_FEE: marked("Base fee"),
    ChargeKind.CORRECTION: marked("Correction"),
}
"""What a charge is for."""

UNITS: Final[Mapping[Per, str]] = {
    Per.STATION: marked("for each station and month"),
    Per.CHARGE_POINT: marked("for each charge point and month"),
    Per.MONTH: marked("a month"),
    Per.CDR: marked("for each session"),
    Per.JOB: marked("each time"),
}
"""What a price is for."""

POLICIES: Final[Mapping[Policy, str]] = {
    Policy.LITERAL: marked("A month in which it is switched off is free"),
    Policy.FIRST_MONTH: marked("The month in which it is switched on is always charged"),
}
"""What a month costs in which a service is switched off."""

SUBSCRIPTIONS: Final[Mapping[Subscription, tuple[str, str]]] = {
    Subscription.AUTOMATED_INVOICING: (
        marked("Automated invoicing"),
        marked("Invoices are made at the month's end by themselves."),
    ),
    Subscription.CREDIT_NOTES: (
        marked("Credit notes to owners"),
        marked("Credit notes to the owners of stations are made at the month's end."),
    ),
    Subscription.ROAMING: (
        marked("Roaming"),
        marked("Sessions of other providers are exchanged: a monthly base and a fee for each."),
    ),
}
"""What a service is called, and what it does."""


def kind_in_words(kind: str, said: Words) -> str:
    """Tell what a price is for; of a package its key, too."""
    if kind.startswith(PACKAGE):
        return f"{said.gettext(KINDS[ChargeKind.SERVICE_PACKAGE])} {kind.removeprefix(PACKAGE)}"
    return said.gettext(KINDS[ChargeKind(kind)])


def sentence(each: CostLine, said: Words) -> str:
    """Tell by which rule a line costs what it does, and what can still change it."""
    month, locale = each.line.month, said.locale
    if month.price is None:
        return said.gettext("No price was agreed: nothing is charged.")
    last = formats.day(month.last_day, locale)
    match each.outlook:
        case Outlook.IF_STILL_ACTIVE:
            assert each.until is not None
            return said.gettext(
                "Charged if still active on the last day; waived if you switch off by %(day)s."
            ) % {"day": formats.day(each.until, locale)}
        case Outlook.IN_ANY_CASE:
            return said.gettext("Charged in any case: it was switched on in this month.")
        case Outlook.WAIVED:
            amount = "" if month.net is None else formats.money(month.net, locale)
            return said.gettext(
                "Not charged: switched off on %(day)s. Switched on again in this month, it costs"
                " %(amount)s."
            ) % {"day": last, "amount": amount}
        case Outlook.CERTAIN if month.rule is Rule.USED:
            return said.gettext("%(count)s × %(price)s") % {
                "count": formats.number(month.quantity, locale),
                "price": formats.unit_price(month.price.price, locale),
            }
        case Outlook.CERTAIN if month.rule is Rule.FIRST_MONTH:
            return said.gettext("Charged: the month in which it is switched on always is.")
        case Outlook.CERTAIN:
            return said.gettext("Charged: it was active at the end of the month.")
