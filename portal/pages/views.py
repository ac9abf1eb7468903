"""What pages show, as frozen values: filled by the pages' code, written down by templates.

Amounts are exact money that somebody below computed; templates and these values add nothing up.
Energy is in Wh, power in W, moments are aware and in UTC, zones stand beside them. Texts are in
the reader's language already, keys of states and reasons are those of `vocabulary`.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from foundation.money import Money
from portal.charts import Chart
from portal.price_words import PriceLine


@dataclass(frozen=True, slots=True)
class DayAmount:
    """A day's ended sessions in one currency."""

    day: date
    currency: str
    sessions: int
    energy_wh: Decimal
    net: Money


@dataclass(frozen=True, slots=True)
class Need:
    """Something that waits for a person: how many of them, and where."""

    count: int
    tone: str
    title: str
    path: str


@dataclass(frozen=True, slots=True)
class Today:
    """The day so far against the same weekday before, up to the same time of day."""

    on: date
    energy_wh: Decimal
    energy_before_wh: Decimal
    sessions: int
    sessions_before: int
    revenue: tuple[Money, ...]
    charging: int


@dataclass(frozen=True, slots=True)
class MonthSoFar:
    """What an owner asks first: what came in this month, and what the last paper said."""

    month: str
    net: tuple[Money, ...]
    last_statement: str | None
    last_statement_month: str | None
    last_payout: Money | None


@dataclass(frozen=True, slots=True)
class StateCount:
    """A filter by state and how many it would show."""

    state: str
    count: int
    path: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class SessionLine:
    """A session in a list; `token` is masked where the reader has no right to it."""

    transaction_id: str
    station: str
    evse_id: int
    state: str
    hold_reason: str
    started_at: datetime
    lasted: timedelta | None
    energy_wh: Decimal | None
    token: str
    charge_class: str
    net: Money | None


@dataclass(frozen=True, slots=True)
class Overview:
    needs: tuple[Need, ...]
    today: Today
    month: MonthSoFar | None
    days: Chart
    states: Chart
    stations: int
    counts: tuple[StateCount, ...]
    latest: tuple[SessionLine, ...]


@dataclass(frozen=True, slots=True)
class StationLine:
    """A station in a list."""

    identity: str
    name: str
    state: str
    place: str
    owner: str
    last_heard_at: datetime | None
    connectors: tuple[tuple[str, int], ...]
    """How many connectors are in which state, worst first."""
    version: str
    model: str


@dataclass(frozen=True, slots=True)
class Running:
    """A session that goes on at a connector."""

    transaction_id: str
    started_at: datetime
    lasted: timedelta
    energy_wh: Decimal | None
    power_w: Decimal | None
    billed_until: datetime | None = None
    """From when on nothing is charged, because staff stopped the billing."""


@dataclass(frozen=True, slots=True)
class ConnectorCard:
    """One plug with its status; `fault` is its error code as the station says it."""

    evse_id: int
    connector_id: int
    emi3_id: str
    type: str
    max_power_w: Decimal | None
    state: str
    state_at: datetime | None
    fault: str
    fault_info: str
    running: Running | None


@dataclass(frozen=True, slots=True)
class StationSheet:
    identity: str
    name: str
    state: str
    admission: str
    last_heard_at: datetime | None
    facts: tuple[tuple[str, str], ...]
    zone: ZoneInfo
    connectors: tuple[ConnectorCard, ...]
    security_profile: int


@dataclass(frozen=True, slots=True)
class WaitingStation:
    """A station that nobody took in yet."""

    identity: str
    vendor: str
    model: str
    version: str
    first_seen_at: datetime
    last_heard_at: datetime | None
    offered_password: bool
    admission: str
    organisation: str
    location: str


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """A moment in the life of a session."""

    at: datetime
    title: str
    detail: str = ""
    tone: str = ""
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Priced:
    """What a session costs and who gets what of it."""

    lines: tuple[PriceLine, ...]
    net: Money
    vat: Money
    gross: Money
    tariff: str


@dataclass(frozen=True, slots=True)
class Frame:
    """One raw message of the OCPP log; `sent` if it went to the station."""

    at: datetime
    sent: bool
    action: str
    text: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class SessionSheet:
    transaction_id: str
    station: str
    evse_id: int
    emi3_id: str
    state: str
    zone: ZoneInfo
    started_at: datetime
    ended_at: datetime | None
    lasted: timedelta | None
    energy_wh: Decimal | None
    token: str
    charge_class: str
    share_bps: int | None
    payee: str
    payer: str
    statement_id: str
    hold_reasons: tuple[str, ...]
    decided: str
    timeline: tuple[TimelineEntry, ...]
    curve: Chart | None
    price: Priced | None
    facts: tuple[tuple[str, str], ...]
    frames: tuple[Frame, ...]
    can_be_decided: bool


@dataclass(frozen=True, slots=True)
class StatementSummary:
    """A statement in a list."""

    statement_id: str
    payee: str
    payee_name: str
    month: str
    payout: Money
    state: str
    issued_at: datetime
    due_on: date


@dataclass(frozen=True, slots=True)
class MailLine:
    """A mail that was sent, or is kept where no mail server is set."""

    id: int
    at: datetime
    recipient: str
    subject: str
    state: str
    attachments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Hit:
    """A result of the search."""

    title: str
    detail: str
    path: str


@dataclass(frozen=True, slots=True)
class SimpleTable:
    """A plain list: heads, rows of texts, which columns are numbers, which are left out narrow."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: frozenset[int] = frozenset()
    lesser: frozenset[int] = frozenset()
