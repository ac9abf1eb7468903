"""Change orders at the doors: what a caller is to one, and its mail as a download."""

from starlette.responses import Response

from accounts.permissions import Permission
from portal.guard import Caller
from support.orders import Confirmer, WrittenOrder


def confirmer(caller: Caller) -> Confirmer:
    """Return what the caller is to an order."""
    return Confirmer(
        caller.principal.organisation,
        may_confirm=caller.may(Permission.CHANGE_ORDERS_CONFIRM),
        may_write=caller.may(Permission.CHANGE_ORDERS_WRITE),
    )


def mail_answer(mail: WrittenOrder) -> Response:
    """Return a mail as a download: a stranger's file is never shown in our own pages."""
    name = "".join(each if each.isascii() and each.isalnum() else "_" for each in mail.name[:100])
    suffix = mail.name.rpartition(".")[2]
    if suffix != mail.name and suffix.isascii() and suffix.isalnum() and len(suffix) < 10:
        name = name[: -len(suffix) - 1] + "." + suffix
    return Response(
        mail.content,
        media_type="application/octet-stream",
        headers={"content-disposition": f'attachment; filename="{name or "mail"}"'},
    )
