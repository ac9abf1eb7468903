"""What is applied for: a new account, other datapoints, another licence, a renewal, licences.

Sending a form makes an application, never an account: somebody of Customer Success approves or
rejects it, and never the one who applied.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Self

from accounts.licences import Licence
from accounts.tiers import LicenceKind, LicenceModel
from foundation.errors import Conflict, InvalidInput, NotPermitted
from foundation.identifiers import OrganisationKey

LEAST_DATAPOINTS: Final = 20
DEFAULT_MONTHS: Final = 12
MOST_MONTHS: Final = 120
DEFAULT_YEARS_MONTHS: Final = 36
"""How long multi-year licences last unless something else is wanted, in months."""
_MOST: Final = 1_000_000
_DOMAIN = re.compile(r"(?=.{4,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")


class Kind(StrEnum):
    """What is applied for; one of each kind may be pending."""

    NEW = "new"
    DATAPOINTS = "datapoints"
    LICENCE = "licence"
    RENEWAL = "renewal"
    POINT_LICENCES = "point_licences"


class State(StrEnum):
    """Where an application stands."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class Sector(StrEnum):
    """What a customer does."""

    CHARGING = "charging"
    HOUSING = "housing"
    OFFICES = "offices"
    RETAIL = "retail"
    INDUSTRY = "industry"
    HOTELS = "hotels"
    PUBLIC = "public"
    OTHER = "other"


class TooFewDatapoints(InvalidInput):
    """Fewer datapoints than the least there is, or than are in use."""

    code = "too_few_datapoints"

    def __init__(self, wanted: int, used: int) -> None:
        self.wanted, self.used = wanted, used
        super().__init__(
            f"{wanted} datapoints are too few: {LEAST_DATAPOINTS} is the least, and {used} are in"
            " use.",
            field="datapoints",
        )


class RtcLinesOnlyInSpain(InvalidInput):
    """Meters that are read by a modem call exist in Spain only."""

    code = "rtc_lines_only_in_spain"

    def __init__(self) -> None:
        super().__init__("RTC lines exist in Spain only; elsewhere give 0.", field="rtc_lines")


class AlreadyApplied(Conflict):
    """An application of this kind is pending for the account."""

    code = "application_pending"

    def __init__(self, kind: Kind) -> None:
        super().__init__(
            f"An application of this kind ({kind.value}) is pending. Wait for it or withdraw it."
        )


class ApplicationDecided(Conflict):
    """The application is not pending any more."""

    code = "application_decided"

    def __init__(self, state: State) -> None:
        super().__init__(f"The application is {state.value} already.")


class OwnApplication(NotPermitted):
    """Nobody approves or rejects what he applied for himself."""

    code = "own_application"

    def __init__(self) -> None:
        super().__init__("You applied for this yourself: somebody else has to decide about it.")


class ReasonMissing(InvalidInput):
    """Whoever rejects an application says why."""

    code = "reason_missing"

    def __init__(self) -> None:
        super().__init__("Say why the application is rejected.", field="reason")


# ---------------------------------------------------------------------------- what is wanted


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account: `months` is its period, `mail_domain` the domain its mails leave from."""

    name: str
    customer: str
    licence: Licence
    datapoints: int = LEAST_DATAPOINTS
    months: int = DEFAULT_MONTHS
    sector: Sector = Sector.CHARGING
    rtc_lines: int = 0
    mail_domain: str | None = None
    comment: str = ""


@dataclass(frozen=True, slots=True)
class OtherDatapoints:
    """More datapoints, or fewer."""

    datapoints: int


@dataclass(frozen=True, slots=True)
class OtherLicence:
    """Another edition."""

    licence: Licence


@dataclass(frozen=True, slots=True)
class Renewal:
    """A further term of so many months."""

    months: int = DEFAULT_MONTHS


@dataclass(frozen=True, slots=True)
class PointLicences:
    """Licences for metering points; `months` only of multi-year ones."""

    kind: LicenceKind
    model: LicenceModel
    quantity: int
    months: int | None = None


Wanted = NewAccount | OtherDatapoints | OtherLicence | Renewal | PointLicences

_WANTED: Final[Mapping[Kind, type[Wanted]]] = {
    Kind.NEW: NewAccount,
    Kind.DATAPOINTS: OtherDatapoints,
    Kind.LICENCE: OtherLicence,
    Kind.RENEWAL: Renewal,
    Kind.POINT_LICENCES: PointLicences,
}


def kind_of(wanted: Wanted) -> Kind:
    """Return what kind of application asks for this."""
    return next(kind for kind, each in _WANTED.items() if isinstance(wanted, each))


def as_json(wanted: Wanted) -> dict[str, Any]:
    """Return what is wanted as JSON."""
    return asdict(wanted)


def from_json(kind: Kind, document: Mapping[str, Any]) -> Wanted:
    """Return what was written by `as_json`."""
    given = dict(document)
    if "licence" in given:
        given["licence"] = Licence(given["licence"])
    match kind:
        case Kind.NEW:
            given["sector"] = Sector(given["sector"])
        case Kind.POINT_LICENCES:
            given["kind"] = LicenceKind(given["kind"])
            given["model"] = LicenceModel(given["model"])
    return _WANTED[kind](**given)


# ---------------------------------------------------------------------------- checks


def check_datapoints(wanted: int, used: int) -> None:
    """Refuse fewer datapoints than 20 or than are in use.

    Raises:
        TooFewDatapoints: With both numbers.
    """
    if wanted < max(LEAST_DATAPOINTS, used):
        raise TooFewDatapoints(wanted, used)
    _at_most(wanted, "datapoints")


def check_months(months: int) -> None:
    """Refuse a period that is none."""
    if not 1 <= months <= MOST_MONTHS:
        raise InvalidInput(f"months must be 1 to {MOST_MONTHS}.", field="months")


def checked(wanted: Wanted, *, country: str, used: int) -> Wanted:
    """Return what is wanted in the form we keep.

    Args:
        wanted: What somebody asks for.
        country: The organisation's (ISO 3166-1 alpha-2).
        used: How many datapoints are in use.

    Raises:
        InvalidInput: If something cannot be had; `field` names it.
    """
    match wanted:
        case NewAccount():
            check_datapoints(wanted.datapoints, used)
            check_months(wanted.months)
            if wanted.rtc_lines and country != "ES":
                raise RtcLinesOnlyInSpain
            if wanted.rtc_lines < 0:
                raise InvalidInput("rtc_lines must not be negative.", field="rtc_lines")
            _at_most(wanted.rtc_lines, "rtc_lines")
            return NewAccount(
                _text(wanted.name, "name"),
                _text(wanted.customer, "customer"),
                wanted.licence,
                wanted.datapoints,
                wanted.months,
                wanted.sector,
                wanted.rtc_lines,
                mail_domain(wanted.mail_domain),
                wanted.comment.strip()[:2000],
            )
        case OtherDatapoints():
            check_datapoints(wanted.datapoints, used)
        case Renewal():
            check_months(wanted.months)
        case PointLicences():
            return _checked_licences(wanted)
        case OtherLicence():
            pass
    return wanted


def _checked_licences(wanted: PointLicences) -> PointLicences:
    if wanted.quantity < 1:
        raise InvalidInput("quantity must be 1 or more.", field="quantity")
    _at_most(wanted.quantity, "quantity")
    if wanted.model is LicenceModel.MONTHLY:
        if wanted.kind is not LicenceKind.ALL:
            raise InvalidInput("Monthly licences are for all kinds of energy.", field="kind")
        if wanted.months is not None:
            raise InvalidInput("Monthly licences have no term.", field="months")
        return wanted
    months = DEFAULT_YEARS_MONTHS if wanted.months is None else wanted.months
    check_months(months)
    return PointLicences(wanted.kind, wanted.model, wanted.quantity, months)


def mail_domain(value: str | None) -> str | None:
    """Return a domain in lower case, or None for the installation's own.

    Raises:
        InvalidInput: If it is no domain.
    """
    if value is None or not value.strip():
        return None
    domain = value.strip().lower().removeprefix("@")
    if not _DOMAIN.fullmatch(domain):
        raise InvalidInput("Give a domain, as in example.org.", field="mail_domain")
    return domain


def _text(value: str, field: str) -> str:
    value = value.strip()
    if not value:
        raise InvalidInput(f"{field} must not be empty.", field=field)
    if len(value) > 200:
        raise InvalidInput(f"{field} is longer than 200 characters.", field=field)
    return value


def _at_most(value: int, field: str) -> None:
    if value > _MOST:
        raise InvalidInput(f"{field} must be {_MOST} or less.", field=field)


# ---------------------------------------------------------------------------- applications


@dataclass(frozen=True, kw_only=True, slots=True)
class Application:
    """What somebody applied for, for an organisation, and what was decided."""

    id: int
    organisation: OrganisationKey
    wanted: Wanted
    state: State
    applicant: str
    applicant_name: str
    applied_at: datetime
    decided_by: str | None
    decided_by_name: str | None
    decided_at: datetime | None
    reason: str | None

    @property
    def kind(self) -> Kind:
        """What kind it is of."""
        return kind_of(self.wanted)

    def must_be_pending(self) -> Self:
        """Refuse what was decided already.

        Raises:
            ApplicationDecided: If it was.
        """
        if self.state is not State.PENDING:
            raise ApplicationDecided(self.state)
        return self

    def must_be_decidable_by(self, deciders: Collection[str], applicants: Collection[str]) -> Self:
        """Refuse a decision by the applicant.

        Args:
            deciders: Who decides, by all his names: an API key, and who made it.
            applicants: Who applied, likewise.

        Raises:
            ApplicationDecided: If it is not pending.
            OwnApplication: If he applied for it himself.
        """
        self.must_be_pending()
        if {self.applicant, *applicants} & {*deciders}:
            raise OwnApplication
        return self
