"""The outbox: every mail that was written, sent or kept, and how it looks."""

import re
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from accounts import letters
from accounts.permissions import Permission
from foundation import mail
from foundation.errors import NotFound
from portal.guard import MASK, Caller, require
from portal.pages.surroundings import frame_of, page
from portal.pages.views import MailLine
from portal.rendering import Turn, link
from portal.routes import Db, PageRoute

router = APIRouter(route_class=PageRoute)

PER_PAGE = 50
_SECRET_LINK = re.compile(rf"({re.escape(letters.PATH)}#)\S+")
Reader = Annotated[Caller, Depends(require(Permission.OUTBOX_READ))]


@router.get("/outbox")
async def outbox(
    request: Request,
    db: Db,
    caller: Reader,
    before: Annotated[int | None, Query(ge=1, le=2**62)] = None,
) -> Response:
    """List mails, the newest first."""
    found = await mail.outbox(db, before=before, limit=PER_PAGE + 1)
    kept = found[:PER_PAGE]
    more = link("/outbox", {"before": kept[-1].id}) if len(found) > PER_PAGE else None
    mails = tuple(_line(caller, each) for each in kept)
    turn = Turn(1, len(kept), None, "/outbox" if before else None, more)
    frame = await frame_of(request, db, caller)
    return page(frame, "outbox.html", {"mails": mails, "turn": turn})


@router.get("/outbox/{mail_id}")
async def one_mail(request: Request, db: Db, caller: Reader, mail_id: int) -> Response:
    """Show one mail as it was written."""
    kept, _ = await mail.kept_mail(db, mail_id)
    frame = await frame_of(request, db, caller)
    return page(frame, "mail.html", {"mail": _line(caller, kept), "body": _body(caller, kept)})


@router.get("/outbox/{mail_id}/{place}")
async def attachment(
    request: Request, db: Db, caller: Reader, mail_id: int, place: int
) -> Response:
    """Hand out a mail's attachment as a file."""
    caller.must_have(Permission.CRM_READ)
    _, attachments = await mail.kept_mail(db, mail_id)
    if not 0 <= place < len(attachments):
        raise NotFound("attachment", place)
    file = attachments[place]
    plain = "".join(each if each.isascii() and each.isprintable() else "_" for each in file.name)
    name = plain.replace('"', "_").replace("\\", "_")
    return Response(
        file.content,
        media_type=file.media_type,
        headers={"content-disposition": f'attachment; filename="{name}"'},
    )


def _body(caller: Caller, kept: mail.KeptMail) -> str:
    """The text of a mail; what opens an account is for those only who may everything anyway."""
    if not caller.may(Permission.CRM_READ):
        return MASK
    if all(caller.may(each) for each in Permission):
        return kept.body_text
    return _SECRET_LINK.sub(rf"\1{MASK}", kept.body_text)


def _line(caller: Caller, each: mail.KeptMail) -> MailLine:
    return MailLine(
        id=each.id,
        at=each.created_at,
        recipient=caller.personal(each.recipient) or "",
        subject=each.subject,
        state=each.state.value,
        attachments=each.attachment_names,
    )
