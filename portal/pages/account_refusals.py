"""What accounts refuse, in the reader's language, with the numbers that it is about."""

from collections.abc import Callable, Mapping

from accounts.account_letters import tier_name
from accounts.applications import (
    LEAST_DATAPOINTS,
    AlreadyApplied,
    ApplicationDecided,
    TooFewDatapoints,
)
from accounts.entitlements import AccountExpired, TierTooLow
from accounts.licence_costs import NoLicencePrice
from accounts.licensing import GraceRuns
from accounts.metering import DatapointsFull, TierWouldDrop
from foundation.errors import ExpectedError, InvalidInput
from portal import formats
from portal.pages.refusals import in_words as usual_words
from portal.rendering import FormErrors
from portal.words import Words, marked

_WHOLE = (
    marked("The operator's own organisation needs no account."),
    marked("You applied for this yourself: somebody else has to decide about it."),
    marked("Say why the application is rejected."),
    marked("RTC lines exist in Spain only; elsewhere give 0."),
    marked("Give a domain, as in example.org."),
    marked("months must be 1 to 120."),
    marked("quantity must be 1 or more."),
    marked("Monthly licences are for all kinds of energy."),
    marked("Monthly licences have no term."),
    marked("The account has this licence already."),
    marked("The account has expired. Renew it first."),
    marked("customer must not be empty."),
    marked("These licences were bought for a term; they end by themselves."),
    marked("Give 0 to 10000 metering points."),
    marked("Give a whole number."),
    marked("Choose one of those offered."),
)
"""Whole sentences of errors, which are translated as they stand."""


def form_errors(error: ExpectedError, said: Words, *, otherwise: str) -> FormErrors:
    """Return the error beside the field it concerns, or else beside the one named `otherwise`."""
    field = error.field if isinstance(error, InvalidInput) and error.field else otherwise
    return FormErrors({field: in_words(error, said)})


def in_words(error: ExpectedError, said: Words) -> str:
    """Return what an error about accounts says, in the reader's language."""
    tell = _TOLD.get(type(error))
    return usual_words(error, said) if tell is None else tell(error, said)


def _too_few(error: ExpectedError, said: Words) -> str:
    assert isinstance(error, TooFewDatapoints)
    return said.gettext(
        "%(wanted)s datapoints are too few: %(least)s is the least, and %(used)s are in use."
    ) % {"wanted": error.wanted, "least": LEAST_DATAPOINTS, "used": error.used}


def _full(error: ExpectedError, said: Words) -> str:
    assert isinstance(error, DatapointsFull)
    return said.gettext(
        "The account has %(most)s datapoints, and %(wanted)s would be in use. Apply for more."
    ) % {"most": error.most, "wanted": error.wanted}


def _would_drop(error: ExpectedError, said: Words) -> str:
    assert isinstance(error, TierWouldDrop)
    return said.gettext(
        "The account's tier would drop from %(before)s to %(after)s. Until it rises again, this"
        " would stop: %(stops)s."
    ) % {
        "before": tier_name(error.before),
        "after": tier_name(error.after),
        "stops": "; ".join(said.gettext(each.label) for each in error.stops),
    }


def _too_low(error: ExpectedError, said: Words) -> str:
    assert isinstance(error, TierTooLow)
    return said.gettext("%(what)s: this needs the tier %(least)s; the account has %(tier)s.") % {
        "what": said.gettext(error.function.label),
        "least": tier_name(error.function.least),
        "tier": tier_name(error.tier),
    }


def _expired(error: ExpectedError, said: Words) -> str:
    assert isinstance(error, AccountExpired)
    return said.gettext(
        "The account expired on %(day)s. Reading and charging go on; changes and exports need its"
        " renewal."
    ) % {"day": formats.day(error.ended_on, said.locale)}


def _pending(error: ExpectedError, said: Words) -> str:
    return said.gettext("Such an application is pending. Wait for it or withdraw it.")


def _decided(error: ExpectedError, said: Words) -> str:
    return said.gettext("It was decided already.")


def _grace(error: ExpectedError, said: Words) -> str:
    assert isinstance(error, GraceRuns)
    return said.gettext("The account can be archived from %(day)s on.") % {
        "day": formats.day(error.until, said.locale)
    }


def _no_price(error: ExpectedError, said: Words) -> str:
    return said.gettext("The price list lacks a price for this currency. Add it first.")


_TOLD: Mapping[type[ExpectedError], Callable[[ExpectedError, Words], str]] = {
    TooFewDatapoints: _too_few,
    DatapointsFull: _full,
    TierWouldDrop: _would_drop,
    TierTooLow: _too_low,
    AccountExpired: _expired,
    AlreadyApplied: _pending,
    ApplicationDecided: _decided,
    GraceRuns: _grace,
    NoLicencePrice: _no_price,
}
