"""What the API says of visits, and what it takes."""

from decimal import Decimal
from typing import Annotated

from pydantic import ConfigDict, Field

from foundation.identifiers import OrganisationKey, StationId
from foundation.money import Money
from portal.api.models import Answer, Body, Moment, MoneyModel, Quantity
from support.interventions import Cover, MainOutcome
from support.tickets import LONGEST_TEXT
from support.visit_papers import Exchanged
from support.visits import Visit, VisitKind, VisitState

Text = Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT)]
Amount = Annotated[Decimal, Field(ge=0, le=1_000_000, max_digits=12, decimal_places=6)]
Degrees = Annotated[Decimal, Field(ge=-180, le=180, max_digits=20)]
Wh = Annotated[Decimal, Field(ge=0, le=10**12, max_digits=20)]


class CoverModel(Answer):
    """Who pays, and why; `second` tells whether a second person confirmed a change."""

    cover: Cover
    reason: str
    by: str | None
    second: bool


class PartModel(Answer):
    """A part that was put in."""

    name: str
    pieces: int
    serial_number: str | None


class PhotoModel(Answer):
    """A picture; its bytes have a call of their own."""

    id: int
    media_type: str
    size_bytes: int
    sha256: str
    caption: str | None
    added_at: Moment


class ExchangeModel(Answer):
    """An exchanged meter: the old one's last reading and the new one's first, in Wh."""

    what: Exchanged
    evse_id: int
    exchanged_at: Moment
    last_wh: Quantity
    first_wh: Quantity
    serial_number: str | None


class VisitModel(Answer):
    """A technician goes to a station. Parts, photos and exchanges are empty in lists."""

    id: int
    ticket: int
    organisation: OrganisationKey
    station: StationId
    kind: VisitKind
    state: VisitState
    planned_at: Moment
    cover: CoverModel | None
    wanted: CoverModel | None = Field(
        description="A change of who pays that waits for a second person."
    )
    latitude: Quantity | None
    longitude: Quantity | None
    fault_analysis: str | None
    contact: str | None
    technician: str | None
    technician_phone: str | None
    dispatched_at: Moment | None
    arrived_at: Moment | None
    outcome: MainOutcome | None
    measures: str | None
    consent: str | None
    technician_text: str | None
    technician_at: Moment | None
    agent_text: str | None
    agent_at: Moment | None
    work: MoneyModel | None = Field(description="Charged for the work, net.")
    parts_cost: MoneyModel | None = Field(description="Charged for parts, net.")
    ended_at: Moment | None
    parts: list[PartModel]
    photos: list[PhotoModel]
    exchanges: list[ExchangeModel]


class NewVisit(Body):
    """Why somebody goes there."""

    model_config = ConfigDict(json_schema_extra={"example": {"kind": "repair"}})

    kind: VisitKind = VisitKind.REPAIR


class CoverBody(Body):
    """Who pays, and why."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"cover": "chargeable", "reason": "Torn by a car."}}
    )

    cover: Cover
    reason: Text


class DispatchBody(Body):
    """What the technician is handed, all of it mandatory, and who he is."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "latitude": 49.1427,
                "longitude": 9.2109,
                "fault_analysis": "Cable torn at the lid; no short circuit.",
                "contact": "Caretaker, +49 7131 555",
                "technician": "Tom Technik",
                "phone": "+49 170 1",
                "email": "tom@technik.example",
            }
        }
    )

    latitude: Degrees
    longitude: Degrees
    fault_analysis: Text
    contact: Text
    technician: Annotated[str, Field(min_length=1, max_length=200)]
    phone: Annotated[str, Field(max_length=100)] | None = None
    email: Annotated[str, Field(max_length=254)] | None = Field(
        default=None, description="His link is mailed there."
    )
    word: Annotated[str, Field(max_length=200)] = Field(
        default="",
        description="Who of the station's operator agreed, and how: needed where its service"
        " package sends nobody. Becomes a note of the ticket.",
    )


class Dispatched(Answer):
    """A visit that is on its way."""

    visit: VisitModel
    link: str = Field(description="Opens his page on the first device; shown this once.")


class DocumentBody(Body):
    """What the technician writes: exactly one main outcome, all else beside it."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "outcome": "parts_replaced",
                "text": "Cable replaced, tested with a car.",
                "measures": "Lid cleaned.",
            }
        }
    )

    outcome: MainOutcome
    text: Text
    measures: Annotated[str, Field(max_length=LONGEST_TEXT)] = ""
    consent: Annotated[str, Field(max_length=LONGEST_TEXT)] = Field(
        default="",
        description="Where the customer's consent is on record; needed to remove a foreign source.",
    )


class PartBody(Body):
    """A part that was put in."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"name": "Cable type 2", "pieces": 1, "serial_number": "K7"}}
    )

    name: Annotated[str, Field(min_length=1, max_length=200)]
    pieces: Annotated[int, Field(ge=1, le=10_000)] = 1
    serial_number: Annotated[str, Field(max_length=200)] | None = None


class ExchangeBody(Body):
    """An exchanged meter, or that of an exchanged station; readings in Wh."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "what": "meter",
                "evse_id": 1,
                "last_wh": 1234567,
                "first_wh": 0,
                "serial_number": "M-2",
            }
        }
    )

    what: Exchanged = Exchanged.METER
    evse_id: Annotated[int, Field(ge=1, le=1000)]
    last_wh: Wh
    first_wh: Wh
    serial_number: Annotated[str, Field(max_length=200)] | None = None


class PhotoBody(Body):
    """A JPEG, PNG or WebP in base64."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "content": (
                    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8A"
                    "AQUBAScY42YAAAAASUVORK5CYII="
                ),
                "caption": "The new cable",
            }
        }
    )

    content: Annotated[str, Field(min_length=1, max_length=10 * 1024 * 1024)]
    caption: Annotated[str, Field(max_length=200)] = ""


class CloseBody(Body):
    """What the agent adds, and what it costs where no price was agreed."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"text": "Charging works again.", "work": "189.00", "parts": "40.50"}
        }
    )

    text: Text
    work: Amount | None = None
    parts: Amount | None = None


def visit_model(found: Visit, *, sees_people: bool, sees_contact: bool) -> VisitModel:
    """Return a visit as somebody may see it.

    Args:
        found: Which.
        sees_people: Whether names and numbers of people are shown; else they read as ****.
        sees_contact: Whether the contact on site is.
    """

    def personal(text: str | None) -> str | None:
        return text if sees_people or not text else "****"

    def cost(minor: int | None) -> MoneyModel | None:
        if minor is None or found.currency is None:
            return None
        return MoneyModel.of(Money.from_minor(minor, found.currency))

    package, technician = found.package, found.technician
    contact = None if package is None else package.contact
    return VisitModel(
        id=found.id,
        ticket=found.ticket_id,
        organisation=found.organisation,
        station=found.station,
        kind=found.kind,
        state=found.state,
        planned_at=found.planned_at,
        cover=None
        if found.cover is None
        else CoverModel(
            cover=found.cover.cover,
            reason=found.cover.reason,
            by=personal(found.cover_by_name),
            second=found.cover.second is not None,
        ),
        wanted=None
        if found.wanted is None
        else CoverModel(
            cover=found.wanted.cover,
            reason=found.wanted.reason,
            by=personal(found.wanted_by_name),
            second=False,
        ),
        latitude=None if package is None else package.latitude,
        longitude=None if package is None else package.longitude,
        fault_analysis=None if package is None else package.fault_analysis,
        contact=contact if sees_contact or not contact else "****",
        technician=None if technician is None else personal(technician.name),
        technician_phone=None if technician is None else personal(technician.phone),
        dispatched_at=found.dispatched_at,
        arrived_at=found.arrived_at,
        outcome=found.outcome,
        measures=found.measures,
        consent=found.consent,
        technician_text=found.technician_text,
        technician_at=found.technician_at,
        agent_text=found.agent_text,
        agent_at=found.agent_at,
        work=cost(found.work_minor),
        parts_cost=cost(found.parts_minor),
        ended_at=found.ended_at,
        parts=[
            PartModel(name=each.name, pieces=each.pieces, serial_number=each.serial_number)
            for each in found.parts
        ],
        photos=[
            PhotoModel(
                id=each.id,
                media_type=each.media_type,
                size_bytes=each.size_bytes,
                sha256=each.sha256,
                caption=each.caption,
                added_at=each.added_at,
            )
            for each in found.photos
        ],
        exchanges=[
            ExchangeModel(
                what=each.what,
                evse_id=each.evse_id,
                exchanged_at=each.exchanged_at,
                last_wh=each.last_wh,
                first_wh=each.first_wh,
                serial_number=each.serial_number,
            )
            for each in found.exchanges
        ],
    )
