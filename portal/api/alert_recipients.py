"""Who hears of alerts, by which way and when; what it will cost; what was told."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import ConfigDict, Field

from accounts.permissions import Permission
from alerts import alerting, entries, recipients
from alerts.detections import Detection, Severity
from alerts.life import Change
from alerts.notices import Channel, NoticeState, Recipient
from alerts.recipients import Wish
from foundation.identifiers import OrganisationKey
from portal import alert_entries, paging
from portal.api.models import Answer, Body, Moment, Number
from portal.credit_doors import account_seen
from portal.guard import Caller, require
from portal.paging import Page
from portal.routes import ApiRoute, Context, Db, Now

router = APIRouter(tags=["alerts"], route_class=ApiRoute)

Reader = Annotated[Caller, Depends(require(Permission.STATIONS_READ))]
Writer = Annotated[Caller, Depends(require(Permission.ALERTS_WRITE))]
Payer = Annotated[Caller, Depends(require(Permission.CREDITS_READ))]
TimeOfDay = Annotated[str, Field(max_length=5, description="Local, as in `22:00`.")]


class ShiftModel(Body):
    """On call on some weekdays from a time of day until another, maybe of the next day."""

    weekdays: Annotated[list[int], Field(min_length=1, max_length=7)] = Field(
        description="0: Monday … 6: Sunday."
    )
    begins: TimeOfDay
    until: TimeOfDay


class RecipientBody(Body):
    """Where somebody wants to hear of alerts."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "channel": "mail",
                "target": "lea@example.org",
                "least": "fault",
                "quiet_from": "22:00",
                "quiet_until": "06:00",
                "breaks_quiet": "critical",
            }
        }
    )

    channel: Channel = Field(description="It stays; a chat and a webhook get JSON by POST.")
    target: Annotated[str, Field(max_length=2000)] = Field(
        description="The address, the number with its country's code, or the URL, which is sealed."
    )
    label: Annotated[str, Field(max_length=200)] | None = None
    language: Annotated[str, Field(max_length=2)] | None = Field(
        default=None, description="`en` or `de`; null: yours."
    )
    time_zone: Annotated[str, Field(max_length=64)] | None = Field(
        default=None, description="IANA; null: the organisation's."
    )
    detections: Annotated[list[Detection], Field(max_length=20)] = Field(
        default=[], description="Only these; empty: all."
    )
    stations: Annotated[list[str], Field(max_length=1000)] = Field(
        default=[], description="Only about these; empty: all."
    )
    locations: Annotated[list[str], Field(max_length=1000)] = Field(
        default=[], description="Only at these; empty: all."
    )
    least: Severity = Severity.WARNING
    monitored_only: bool = False
    after_minutes: int = Field(
        default=0, description="Only if nobody took the alert on by then: a step of a chain."
    )
    repeat_minutes: int | None = Field(
        default=None,
        description="Again so long after, until it is solved; null: not, but for jobs each run.",
    )
    tells_end: bool | None = Field(
        default=None, description="That it is over; null: by SMS no, otherwise yes."
    )
    quiet_from: TimeOfDay | None = None
    quiet_until: TimeOfDay | None = None
    breaks_quiet: Severity | None = Field(
        default=None, description="What is at least so bad is told in quiet hours too."
    )
    on_call: Annotated[list[ShiftModel], Field(max_length=21)] = Field(
        default=[], description="Empty: always."
    )
    bundles: bool = Field(
        default=False, description="Several detections in one message, after ten minutes."
    )

    def wish(self) -> Wish:
        """Return what was entered."""
        return Wish(
            channel=self.channel,
            target=self.target,
            label=self.label,
            language=self.language,
            zone=self.time_zone,
            detections=self.detections,
            stations=self.stations,
            locations=self.locations,
            least=self.least,
            monitored_only=self.monitored_only,
            after_minutes=self.after_minutes,
            repeat_minutes=self.repeat_minutes,
            tells_end=self.tells_end,
            quiet_from=self.quiet_from,
            quiet_until=self.quiet_until,
            breaks_quiet=self.breaks_quiet,
            shifts=[entries.shift(each.weekdays, each.begins, each.until) for each in self.on_call],
            bundles=self.bundles,
        )


class NewRecipientBody(RecipientBody):
    """Where somebody wants to hear of whose alerts."""

    organisation: Annotated[str, Field(max_length=40)] | None = Field(
        default=None, description="Whose alerts; your own organisation's if left out."
    )


class RecipientModel(Answer):
    """Where somebody hears of alerts; who entered it, pays what costs credits."""

    id: int
    organisation: OrganisationKey
    account: OrganisationKey = Field(description="Who pays for SMS.")
    entered_by: str | None
    entered_at: Moment
    channel: Channel
    target: str | None
    label: str | None
    language: str
    time_zone: str
    detections: list[Detection]
    stations: list[str]
    locations: list[str]
    least: Severity
    monitored_only: bool
    after_minutes: int
    repeat_minutes: int | None
    tells_end: bool
    quiet_from: str | None
    quiet_until: str | None
    breaks_quiet: Severity | None
    on_call: list[ShiftModel]
    bundles: bool


class ForecastModel(Answer):
    """What an account's numbers will cost, by the alerts of the last 30 days."""

    organisation: OrganisationKey
    numbers: int
    expected: int = Field(description="SMS in 30 days, reminders left out.")
    sent: int = Field(description="SMS that were paid for in the last 30 days.")
    price: int = Field(description="Credits for one SMS.")
    cost: int = Field(description="Credits for 30 days.")
    available: int
    lasts_days: int | None = Field(description="How long the credits last; null: none is expected.")


class NoticeModel(Answer):
    """What somebody was, is or will be told of an alert."""

    id: int
    recipient: int
    channel: Channel
    target: str | None
    entered_by: str | None
    occasion: Change
    due_at: Moment
    state: NoticeState
    settled_at: Moment | None
    error: str | None


@router.get("/alert-recipients", summary="List who hears of alerts")
async def list_alert_recipients(
    db: Db,
    caller: Reader,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Page[RecipientModel]:
    """Of the organisations that you see; the earlier entries first."""
    behind = paging.decoded(cursor, int)
    found = await recipients.listed(
        db, caller.scope, after=0 if behind is None else behind[0], limit=limit + 1
    )
    return paging.page(
        found, limit, shown=lambda each: _model(caller, each), key=lambda each: (each.id,)
    )


@router.post("/alert-recipients", status_code=201, summary="Enter who hears of alerts")
async def create_alert_recipient(
    db: Db, now: Now, context: Context, caller: Writer, body: NewRecipientBody
) -> RecipientModel:
    """SMS are paid with credits by your organisation, and your name is shown beside the number."""
    made = await alert_entries.create(
        db, caller, body.organisation, body.wish(), context=context, now=now
    )
    return _model(caller, made)


@router.get("/alert-recipients/{number}", summary="Get an entry of who hears of alerts")
async def get_alert_recipient(db: Db, caller: Reader, number: Number) -> RecipientModel:
    """Of an organisation that you see."""
    return _model(caller, await recipients.recipient(db, caller.scope, number))


@router.put("/alert-recipients/{number}", summary="Change your entry of who hears of alerts")
async def change_alert_recipient(
    db: Db, now: Now, context: Context, caller: Writer, number: Number, body: RecipientBody
) -> RecipientModel:
    """As a whole; a URL stays if its target is empty. Others' entries can only be removed."""
    made = await alert_entries.change(db, caller, number, body.wish(), context=context, now=now)
    return _model(caller, made)


@router.delete("/alert-recipients/{number}", status_code=204, summary="Remove who hears of alerts")
async def remove_alert_recipient(db: Db, now: Now, caller: Writer, number: Number) -> None:
    """What waits for it is not sent."""
    await alert_entries.remove(db, caller, number, now=now)


@router.get("/alert-costs", summary="Get the forecast of what SMS cost")
async def get_alert_costs(
    db: Db,
    now: Now,
    caller: Payer,
    organisation: Annotated[
        str | None, Query(max_length=40, description="Who pays; your own if left out.")
    ] = None,
) -> ForecastModel:
    """What the numbers that an account pays for will cost."""
    account = account_seen(caller, organisation)
    found = await recipients.forecast(db, account, now=now)
    return ForecastModel(
        organisation=account,
        numbers=found.numbers,
        expected=found.expected,
        sent=found.sent,
        price=found.price,
        cost=found.cost,
        available=found.available,
        lasts_days=found.lasts_days,
    )


@router.get("/alerts/{number}/notices", summary="List who was told of an alert")
async def list_alert_notices(db: Db, caller: Reader, number: Number) -> list[NoticeModel]:
    """Who was, is or will be told, and what became of it; the oldest first."""
    await alerting.alert(db, caller.scope, number)
    return [
        NoticeModel(
            id=each.id,
            recipient=each.recipient,
            channel=each.channel,
            target=caller.personal(each.target),
            entered_by=caller.personal(each.entered_by_name),
            occasion=each.occasion,
            due_at=each.due_at,
            state=each.state,
            settled_at=each.settled_at,
            error=each.error,
        )
        for each in await recipients.told(db, number)
    ]


def _model(caller: Caller, entry: Recipient) -> RecipientModel:
    def minutes(span: timedelta) -> int:
        return round(span.total_seconds() / 60)

    own = alert_entries.is_own(caller, entry)
    name = entry.entered_by_name
    return RecipientModel(
        id=entry.id,
        organisation=entry.organisation,
        account=entry.account,
        entered_by=name if own else caller.personal(name),
        entered_at=entry.entered_at,
        channel=entry.channel,
        target=alert_entries.shown_target(caller, entry),
        label=alert_entries.shown_label(caller, entry),
        language=entry.language,
        time_zone=entry.zone,
        detections=sorted(entry.detections),
        stations=sorted(entry.stations),
        locations=sorted(entry.locations),
        least=entry.least,
        monitored_only=entry.monitored_only,
        after_minutes=minutes(entry.after),
        repeat_minutes=None if entry.repeat is None else minutes(entry.repeat),
        tells_end=entry.tells_end,
        quiet_from=None if entry.quiet is None else f"{entry.quiet[0]:%H:%M}",
        quiet_until=None if entry.quiet is None else f"{entry.quiet[1]:%H:%M}",
        breaks_quiet=entry.breaks_quiet,
        on_call=[
            ShiftModel(
                weekdays=sorted(each.weekdays),
                begins=f"{each.begins:%H:%M}",
                until=f"{each.until:%H:%M}",
            )
            for each in entry.shifts
        ],
        bundles=entry.bundles,
    )
