"""Documents: the list, one with what became of it, and how invoicing is set and verified."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Form, Query
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from accounts.permissions import Permission
from billing import (
    counter_documents,
    document_forms,
    document_mailing,
    invoicing,
    invoicing_settings,
    papers,
)
from billing.documents import Document, DocumentKind
from billing.invoicing_settings import InvoicingSettings
from billing.months import Month
from billing.papers import DocumentHead, DocumentState
from foundation.database import savepoint
from foundation.errors import Conflict, ExpectedError, InvalidInput
from foundation.money import Money
from portal import decimals, subscriptions
from portal.guard import Caller, require
from portal.pages.paper_refusals import form_errors, in_words
from portal.pages.surroundings import frame_of, page, went
from portal.paper_words import DOCUMENT_KINDS, FINDINGS
from portal.papers_shown import note, shown_line
from portal.rendering import FormErrors, Turn, link
from portal.routes import Context, Db, Now, PageRoute

router = APIRouter(route_class=PageRoute)

PER_PAGE = 50

Reader = Annotated[Caller, Depends(require(Permission.DOCUMENTS_READ))]
Issuer = Annotated[Caller, Depends(require(Permission.DOCUMENTS_ISSUE))]
Short = Annotated[str, Query(max_length=100)]
Text = Annotated[str, Form(max_length=500)]

_SWITCHES = (
    "automatic_mailing",
    "zero_invoices",
    "aggregated_lines",
    "credit_note_mailing",
)


@router.get("/documents")
async def list_documents(
    request: Request,
    db: Db,
    caller: Reader,
    kind: Short = "",
    month: Short = "",
    open_only: Annotated[str, Query(alias="open", max_length=3)] = "",
    after: Short = "",
) -> Response:
    """List documents, the newest first."""
    frame = await frame_of(request, db, caller)
    said = frame.words
    wanted = DocumentKind(kind) if kind in set(DocumentKind) else None
    found = await papers.documents(
        db,
        caller.scope,
        kind=wanted,
        month=month or None,
        open_only=open_only == "yes",
        after=after or None,
        limit=PER_PAGE + 1,
    )
    kept = found[:PER_PAGE]
    query = {"kind": kind if wanted else "", "month": month, "open": open_only}
    more = None
    if len(found) > PER_PAGE:
        more = link("/documents", {**query, "after": kept[-1].number})
    values = {
        "documents": [(each, caller.personal(each.recipient_name)) for each in kept],
        "kinds": [
            ("", said.gettext("All kinds")),
            *((key, said.gettext(word)) for key, word in DOCUMENT_KINDS.items()),
        ],
        "query": query,
        "turn": Turn(1, len(kept), None, link("/documents", query) if after else None, more),
    }
    return page(frame, "documents.html", values)


@router.get("/documents/{number:segment}")
async def show_document(request: Request, db: Db, caller: Reader, number: str) -> Response:
    """Show a document as it was issued, and what became of it."""
    head, document = await papers.document(db, number, caller.scope)
    return await _show(request, db, caller, head, document)


@router.post("/documents/{number:segment}/cancel")
async def cancel_document(
    request: Request,
    db: Db,
    now: Now,
    caller: Issuer,
    number: str,
    reason: Text = "",
    net: Text = "",
    again: Annotated[str, Form(max_length=3)] = "",
) -> Response:
    """Take a document back by a counter-document, and go to that."""
    head, document = await papers.document(db, number, caller.scope)
    try:
        async with await savepoint(db):
            if net.strip():
                made = await counter_documents.credit(
                    db, number, net=_money(net, head, "net"), reason=reason, now=now
                )
            else:
                made = await counter_documents.cancel(
                    db, number, reason=reason, again=again == "yes", now=now
                )
    except (InvalidInput, Conflict) as error:
        return await _show(request, db, caller, head, document, error=(error, "reason"))
    await note(db, now, caller, "document.cancel", head, {"by": made.number, "why": reason})
    return went(f"/documents/{made.number}", done="saved")


@router.post("/documents/{number:segment}/resend")
async def resend_document(
    request: Request, db: Db, now: Now, context: Context, caller: Issuer, number: str
) -> Response:
    """Mail a document once more."""
    head, document = await papers.document(db, number, caller.scope)
    try:
        await document_mailing.send(db, context.mails_or_refuse(), document, now=now, again=True)
    except Conflict as error:
        return await _show(request, db, caller, head, document, error=(error, "resend"))
    await note(db, now, caller, "document.resend", head, None)
    return went(f"/documents/{number}", done="sent-again")


@router.post("/documents/{number:segment}/paid")
async def pay_document(request: Request, db: Db, now: Now, caller: Issuer, number: str) -> Response:
    """Book what came in for an invoice: all that is left, or a part."""
    head, document = await papers.document(db, number, caller.scope)
    written = str((await request.form()).get("amount", "")).strip()[:20]
    try:
        amount = _money(written, head, "amount") if written else None
        paid = await papers.mark_paid(db, number, amount=amount, now=now)
    except (InvalidInput, Conflict) as error:
        return await _show(request, db, caller, head, document, error=(error, "paid"))
    await note(db, now, caller, "document.paid", head, {"amount": paid.text})
    return went(f"/documents/{number}", done="saved")


async def _show(
    request: Request,
    db: AsyncSession,
    caller: Caller,
    head: DocumentHead,
    document: Document,
    *,
    error: tuple[ExpectedError, str] | None = None,
) -> Response:
    frame = await frame_of(request, db, caller)
    sees = caller.may(Permission.CRM_READ)
    mail = await papers.delivery(db, head)
    errors = FormErrors()
    if error is not None:
        errors = form_errors(error[0], frame.words, otherwise=error[1])
    is_open = head.state in (DocumentState.OPEN, DocumentState.SENT)
    values = {
        "head": head,
        "document": document,
        "sees": sees,
        "personal": caller.personal,
        "lines": [(each, shown_line(caller, each.text, each.reference)) for each in document.lines],
        "counter_documents": await papers.counter_documents(db, head.number),
        "mail": mail,
        "forms": document_forms.forms_of(document) if sees else (),
        "may_cancel": head.kind is not DocumentKind.CANCELLATION
        and head.state is not DocumentState.CANCELLED,
        "may_pay": head.kind is DocumentKind.INVOICE and is_open,
        "may_credit": head.kind is DocumentKind.INVOICE and len(document.vat) == 1,
        "errors": errors,
    }
    return page(frame, "document.html", values, status=422 if errors else 200)


def _money(written: str, head: DocumentHead, name: str) -> Money:
    amount = decimals.written(written, name, most=10**12)
    if not amount:
        raise InvalidInput("Write the sum as a number.", field=name)
    return Money(amount, head.gross.currency)


# ---------------------------------------------------------------------------------- invoicing


@router.get("/invoicing")
async def show_invoicing(
    request: Request, db: Db, now: Now, caller: Issuer, month: Short = ""
) -> Response:
    """Show how invoicing is set, and verify it for a month."""
    return await _invoicing(request, db, now, caller, month=month)


@router.post("/invoicing")
async def change_invoicing(request: Request, db: Db, now: Now, caller: Issuer) -> Response:
    """Change how invoicing is set."""
    caller.must_have(Permission.CRM_READ)
    form = await request.form()
    given = {name: str(value)[:300] for name, value in form.items()}
    issuer = await invoicing.issuer_of(db)
    before = issuer.settings
    try:
        changes = _changes(before, given)
        async with await savepoint(db):
            after = await invoicing_settings.change_settings(db, issuer.key, changes, now=now)
    except InvalidInput as error:
        frame = await frame_of(request, db, caller)
        errors = form_errors(error, frame.words, otherwise="due_days")
        return await _invoicing(request, db, now, caller, errors=errors, given=given)
    await caller.note(
        db,
        "invoicing.settings",
        f"organisation/{issuer.key}",
        organisation=issuer.key,
        before=msgspec.to_builtins(before),
        after=msgspec.to_builtins(after),
        now=now,
    )
    return went("/invoicing", done="saved")


@router.post("/invoicing/run")
async def run_invoicing(
    request: Request,
    db: Db,
    now: Now,
    caller: Issuer,
    month: Annotated[str, Form(max_length=7)] = "",
) -> Response:
    """Make a month's documents, also where the switches are off."""
    try:
        async with await savepoint(db):
            result = await invoicing.run(db, month, now=now, by_hand=True)
    except (InvalidInput, Conflict) as error:
        frame = await frame_of(request, db, caller)
        errors = FormErrors({"month": in_words(error, frame.words)})
        return await _invoicing(request, db, now, caller, month="", errors=errors)
    issuer = await invoicing.issuer_of(db)
    await caller.note(
        db,
        "invoicing.run",
        f"month/{month}",
        organisation=issuer.key,
        after={"documents": result.numbers},
        now=now,
    )
    return went("/documents", month=month, done="saved")


def _changes(before: InvoicingSettings, given: Mapping[str, str]) -> dict[str, Any]:
    """Return what a form of the settings says, as a whole."""
    changes: dict[str, Any] = {name: given.get(name) == "yes" for name in _SWITCHES}
    percent = decimals.written(given.get("discount", "") or "0", "discount", most=100)
    try:
        days = int(given.get("due_days", "") or before.due_days)
    except ValueError:
        raise InvalidInput("Write the sum as a number.", field="due_days") from None
    if percent * 100 != int(percent * 100):
        raise InvalidInput("Write the sum as a number.", field="discount")
    changes |= {"community_discount_bps": int(percent * 100), "due_days": days}
    changes["prefixes"] = {
        kind: given.get(f"prefix_{kind}", "").strip() or prefix
        for kind, prefix in before.prefixes.items()
    }
    changes["revenue_accounts"] = {
        kind: account
        for kind in before.prefixes
        if (account := given.get(f"account_{kind}", "").strip())
    }
    changes["languages"] = dict(
        each
        for pair in given.get("languages", "").replace(",", " ").split()
        if (each := _language(pair))
    )
    for name in ("iban", "phone", "email", "tax_number"):
        changes[name] = given.get(name, "").strip() or None
    address = {
        name: given.get(f"other_{name}", "").strip()
        for name in ("name", "street", "postcode", "city", "country")
    }
    changes["alternative_address"] = address if any(address.values()) else None
    return changes


def _language(pair: str) -> tuple[str, str]:
    country, _, language = pair.partition("=")
    return country.upper(), language.lower()


async def _invoicing(
    request: Request,
    db: AsyncSession,
    now: Now,
    caller: Caller,
    *,
    month: str = "",
    errors: FormErrors | None = None,
    given: Mapping[str, str] | None = None,
) -> Response:
    caller.must_have(Permission.CRM_READ)  # the issuer's address and account stand there
    frame = await frame_of(request, db, caller)
    said = frame.words
    issuer = await invoicing.issuer_of(db)
    wanted = issuer.settings
    findings: list[tuple[str, bool, str | None]] = []
    last = str(Month.of(now, issuer.zone).previous)
    asked = month or last
    problems = dict((errors or FormErrors()).messages)
    try:
        for each in await invoicing.verify(db, asked, now=now):
            text = said.gettext(FINDINGS[each.code]) if each.code in FINDINGS else each.said
            findings.append((text, each.is_blocking, each.recipient))
    except InvalidInput as error:
        problems["month"] = in_words(error, said)
        asked = last
    values = {
        "issuer": issuer,
        "settings": wanted,
        "given": given,
        "kinds": [(key, said.gettext(word)) for key, word in DOCUMENT_KINDS.items()],
        "languages_of": ", ".join(f"{each}={to}" for each, to in sorted(wanted.languages.items())),
        "ranges": await papers.number_ranges(db, issuer.key),
        "month": asked,
        "findings": findings,
        "services": {
            each.service.value: each.since is not None
            for each in await subscriptions.offered(
                db, await subscriptions.Debtor.of_organisation(db, issuer.key), now=now
            )
        },
        "errors": FormErrors(problems),
    }
    return page(frame, "invoicing.html", values, status=422 if problems else 200)
