"""Change orders as bodies: what is sent, what is answered, and a mail as a file."""

import base64
import binascii
import json
from typing import Any, TypeVar

from pydantic import ConfigDict, Field, ValidationError
from starlette.datastructures import UploadFile
from starlette.requests import Request

from foundation.errors import InvalidInput
from foundation.identifiers import OrganisationKey
from portal.api.models import Answer, Body, Moment
from portal.problems import FieldError, ManyProblems
from support.change_orders import ChangeOrder
from support.orders import LARGEST_MAIL, How, Item, ItemKind, OrderState, UseState, WrittenOrder

_MULTIPART = "multipart/form-data"
Sent = TypeVar("Sent", bound=Body)

# ------------------------------------------------------------------------------- what is sent


class MailBody(Body):
    """The customer's mail as a file."""

    name: str = Field(min_length=1, max_length=255)
    media_type: str = Field(default="message/rfc822")
    content: str = Field(description=f"Base64; {LARGEST_MAIL // 2**20} MiB at most.")


class ChangeBody(Body):
    """One thing to change: a command with exactly this payload, or a change in words."""

    kind: ItemKind | None = Field(default=None, description="`command` where an action is named.")
    action: str | None = Field(default=None, max_length=100)
    payload: dict[str, Any] | None = None
    text: str | None = Field(default=None, max_length=4000)


class NewChangeOrder(Body):
    """A draft: without a number, without effect, until it is confirmed."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "title": "Heartbeat every ten minutes",
                "stations": ["DE-HN-014"],
                "changes": [
                    {
                        "action": "ChangeConfiguration",
                        "payload": {"key": "HeartbeatInterval", "value": "600"},
                    }
                ],
                "reference": "Mail of 2026-10-14, Re: heartbeat",
                "mail": {
                    "name": "order.eml",
                    "media_type": "message/rfc822",
                    "content": "U3ViamVjdDogaGVhcnRiZWF0DQoNClBsZWFzZSBkbyBzby4=",
                },
            }
        }
    )

    title: str | None = Field(default=None, max_length=200, description="What it is about.")
    station: str | None = Field(default=None, description="The one station, instead of `stations`.")
    stations: list[str] = Field(default_factory=list, max_length=2000)
    changes: list[ChangeBody] = Field(default_factory=list, max_length=100)
    action: str | None = Field(default=None, description="The one command, instead of `changes`.")
    payload: dict[str, Any] | None = None
    reference: str | None = Field(default=None, max_length=500, description="Where it is written.")
    mail: MailBody | None = None
    valid_to: Moment | None = Field(
        default=None, description="30 days after its confirmation, if it is left out."
    )
    repeatable: bool = Field(
        default=False, description="Whether each change may be made more than once."
    )


class Confirmation(Body):
    """The written order, where the draft did not come with it."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "reference": "Mail of 2026-10-14, Re: heartbeat",
                "mail": {"name": "order.eml", "content": "U3ViamVjdDogaGVhcnRiZWF0DQoNCk9rLg=="},
            }
        }
    )

    reference: str | None = Field(default=None, max_length=500)
    mail: MailBody | None = None


class Withdrawal(Body):
    """Why an order is taken back."""

    model_config = ConfigDict(json_schema_extra={"example": {"reason": "Called off by mail."}})

    reason: str = Field(min_length=1, max_length=1000)


class DoneBody(Body):
    """What came of a change that is no command."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"done": True, "result": "Tariff DAY-NIGHT from 1 November."}}
    )

    done: bool = True
    result: str = Field(min_length=1, max_length=1000)


# ----------------------------------------------------------------------------- what is answered


class ChangeModel(Answer):
    """One thing to change; secrets are masked."""

    kind: ItemKind
    action: str | None
    payload: dict[str, Any] | None
    text: str | None


class DifferenceModel(Answer):
    """What a change changes at a station; `old` is null where nobody knows."""

    station: str
    change: int = Field(description="Which of `changes`, from 0.")
    name: str
    old: str | None
    new: str


class ExecutionModel(Answer):
    """A change that was made, or tried, at a station."""

    change: int
    station: str
    state: UseState
    at: Moment
    command_id: str | None
    result: str | None
    ended_at: Moment | None


class MailModel(Answer):
    """The mail on file."""

    name: str
    media_type: str
    sha256: str
    size: int
    added_at: Moment


class ChangeOrderModel(Answer):
    """A change order; `number` is null while it is a draft."""

    id: str
    number: str | None = Field(description="What a command names in `change_order`.")
    organisation: OrganisationKey
    state: OrderState
    title: str
    reference: str | None
    stations: list[str]
    changes: list[ChangeModel]
    differences: list[DifferenceModel] | None = Field(description="Null in lists.")
    executions: list[ExecutionModel]
    mail: MailModel | None
    repeatable: bool
    drafted_at: Moment
    drafted_by: str
    requested_at: Moment | None = Field(description="When the customer was asked for it by mail.")
    confirmed_at: Moment | None
    confirmed_by: str | None
    confirmed_how: How | None
    valid_to: Moment | None
    ended_at: Moment | None
    result: str | None


# --------------------------------------------------------------------------- described, read


def described(model: type[Body], *, required: bool) -> dict[str, Any]:
    """Describe for OpenAPI a body that comes as JSON, or as a form with the mail as its file."""
    schema = model.model_json_schema()
    whole = _inlined(schema, schema.get("$defs", {}))
    form = {
        "type": "object",
        "required": ["order"] if required else [],
        "properties": {
            "order": {
                "type": "string",
                "contentMediaType": "application/json",
                "description": "The same object as JSON text, without `mail`.",
            },
            "mail": {"type": "string", "format": "binary"},
        },
    }
    content = {"application/json": {"schema": whole}, _MULTIPART: {"schema": form}}
    return {"requestBody": {"required": required, "content": content}}


def _inlined(part: Any, definitions: dict[str, Any]) -> Any:
    """Return a schema that names no other: the route reads its body itself."""
    if isinstance(part, dict):
        if "$ref" in part:
            named = definitions[part["$ref"].rpartition("/")[2]]
            return _inlined(
                {**named, **{k: v for k, v in part.items() if k != "$ref"}}, definitions
            )
        return {
            name: _inlined(inner, definitions) for name, inner in part.items() if name != "$defs"
        }
    return [_inlined(each, definitions) for each in part] if isinstance(part, list) else part


async def read(request: Request, model: type[Sent]) -> tuple[Sent, MailBody | None]:
    """Return the body, be it JSON or a form with the mail as a file.

    Raises:
        InvalidInput: If it is neither, with everything that is wrong.
    """
    mail: MailBody | None = None
    try:
        if request.headers.get("content-type", "").startswith(_MULTIPART):
            text, mail = await _form(request)
        else:
            text = await request.body()
        return model.model_validate(json.loads(text or b"{}")), mail
    except ValidationError as error:
        raise ManyProblems(
            [
                FieldError(".".join(map(str, each["loc"])), each["msg"])
                for each in error.errors(include_url=False, include_input=False)
            ]
        ) from None
    except (ValueError, RecursionError):
        raise InvalidInput("The body is not JSON.") from None


async def _form(request: Request) -> tuple[str | bytes, MailBody | None]:
    async with request.form() as form:
        given = form.get("order", "")
        text: str | bytes = given if isinstance(given, str) else await given.read()
        file = form.get("mail")
        if not isinstance(file, UploadFile):
            return text, None
        media_type = (file.content_type or "message/rfc822").partition(";")[0].strip()
        content = base64.b64encode(await file.read()).decode()
        return text, MailBody(name=file.filename or "mail", media_type=media_type, content=content)


def item_of(body: ChangeBody) -> Item:
    """Return one thing to change; what names an action is a command."""
    is_command = body.action is not None or body.payload is not None
    kind = body.kind or (ItemKind.COMMAND if is_command else ItemKind.OTHER)
    return Item(kind, body.action, body.payload, body.text)


def written_order(mail: MailBody | None, reference: str | None) -> WrittenOrder | None:
    """Return the mail as it is put on file; None if none came.

    Raises:
        InvalidInput: If its content is not Base64.
    """
    if mail is None:
        return None
    try:
        content = base64.b64decode(mail.content, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidInput("content is not Base64.", field="mail.content") from None
    return WrittenOrder(mail.name, mail.media_type, content, reference or "")


def shown(order: ChangeOrder) -> ChangeOrderModel:
    """Return the order as it is answered in lists."""
    return ChangeOrderModel(
        id=str(order.id),
        number=order.number,
        organisation=order.organisation,
        state=order.state,
        title=order.title,
        reference=order.reference,
        stations=list(order.stations),
        changes=[
            ChangeModel(
                kind=each.kind,
                action=each.action,
                payload=None if each.payload is None else dict(each.payload),
                text=each.text,
            )
            for each in order.items
        ],
        differences=None,
        executions=[
            ExecutionModel(
                change=each.place,
                station=each.station,
                state=each.state,
                at=each.at,
                command_id=each.command_id,
                result=each.result,
                ended_at=each.ended_at,
            )
            for each in order.executions
        ],
        mail=None
        if order.mail is None
        else MailModel(
            name=order.mail.name,
            media_type=order.mail.media_type,
            sha256=order.mail.sha256,
            size=order.mail.size,
            added_at=order.mail.added_at,
        ),
        repeatable=order.repeatable,
        drafted_at=order.drafted_at,
        drafted_by=order.drafted_by_name,
        requested_at=order.requested_at,
        confirmed_at=order.confirmed_at,
        confirmed_by=order.confirmed_by_name,
        confirmed_how=order.confirmed_how,
        valid_to=order.valid_to,
        ended_at=order.ended_at,
        result=order.result,
    )
