"""Invoices, credit notes and counter-documents in their forms, and how invoicing is set."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Query
from pydantic import ConfigDict, Field
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
from billing.document_forms import File
from billing.documents import Document, DocumentKind, VatCategory
from billing.invoicing import NotIssued
from billing.invoicing_settings import InvoicingSettings
from billing.papers import DocumentHead, DocumentState
from foundation.identifiers import OrganisationKey
from foundation.mail import MailState
from foundation.money import Money
from portal import paging
from portal.api.models import Answer, Body, Moment, MoneyModel
from portal.decimals import Bounded
from portal.guard import Caller, require
from portal.paging import Page
from portal.papers_shown import note, shown_line
from portal.routes import ApiRoute, Context, Db, Now

router = APIRouter(tags=["documents"], route_class=ApiRoute)

Reader = Annotated[Caller, Depends(require(Permission.DOCUMENTS_READ))]
Issuer = Annotated[Caller, Depends(require(Permission.DOCUMENTS_ISSUE))]

_MASKED = "`****` for those who may not see personal data."


class DocumentHeadModel(Answer):
    """A document in a list."""

    number: str
    kind: DocumentKind
    state: DocumentState
    recipient: str = Field(description="`contact/17`, `organisation/KEY` or `provider/PARTY`.")
    recipient_name: str = Field(description=_MASKED)
    contact: int | None
    month: str | None
    issued_on: date
    due_on: date | None
    first_day: date = Field(description="Of the first session on it, else of the first charge.")
    last_day: date
    net: MoneyModel
    tax: MoneyModel
    gross: MoneyModel
    credited: MoneyModel = Field(description="What counter-documents have taken back.")
    paid: MoneyModel = Field(description="What came in for it.")
    cancels: str | None
    statement_id: str | None
    sent_at: Moment | None
    paid_at: Moment | None
    sha256: str = Field(description="Of the document's canonical JSON.")


class DocumentLineModel(Answer):
    """A line of a document."""

    position: int
    text: str
    quantity: str
    unit: str = Field(description="UN/ECE recommendation 20.")
    unit_price: str
    net: MoneyModel
    vat_category: VatCategory
    vat_rate: str
    first_day: date | None
    last_day: date | None


class VatLineModel(Answer):
    """The tax of all lines of one category and rate."""

    category: VatCategory
    rate: str
    net: MoneyModel
    amount: MoneyModel
    reason: str | None
    reason_code: str | None = Field(description="Of the VATEX list.")


class DeliveryModel(Answer):
    """The last mail that a document went with."""

    recipient: str = Field(description=_MASKED)
    state: MailState
    attempts: int
    last_error: str | None
    created_at: Moment
    sent_at: Moment | None


class DocumentModel(DocumentHeadModel):
    """A document with its lines, its taxes and what became of it."""

    language: str
    lines: list[DocumentLineModel]
    vat: list[VatLineModel]
    notes: list[str]
    payment_terms: str | None
    counter_documents: list[str]
    delivery: DeliveryModel | None
    forms: list[str] = Field(description="`GET /documents/NUMBER.FORM` answers each.")


class CancelBody(Body):
    """Why a document is taken back, and how much of it."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"reason": "Wrong address", "again": True}}
    )

    reason: str = Field(max_length=500)
    again: bool = Field(
        default=True,
        description="Its sessions and charges wait for another document; otherwise we bear them.",
    )
    net: Bounded | None = Field(
        default=None,
        ge=0,
        le=Decimal(10**12),
        description="Only so much of an invoice, without tax; all of it, if it is left out.",
    )
    vat_rate: Bounded | None = Field(
        default=None, ge=0, le=100, description="Of which tax line, where there are several."
    )


class RunBody(Body):
    """Whose month's documents are made, and whether only to look."""

    model_config = ConfigDict(json_schema_extra={"example": {"month": "2026-10", "dry_run": True}})

    month: str
    dry_run: bool = Field(default=False, description="The invoices as they would be; none is made.")


class NotIssuedModel(Answer):
    """A recipient who gets no document, and why."""

    recipient: str
    code: str
    said: str
    amount: MoneyModel | None


class DraftModel(Answer):
    """An invoice that would be made."""

    recipient: str
    lines: int
    net: MoneyModel
    tax: MoneyModel
    gross: MoneyModel


class RunModel(Answer):
    """What a run made, and what it could not make."""

    month: str
    dry_run: bool
    numbers: list[str]
    drafts: list[DraftModel]
    not_issued: list[NotIssuedModel]


class FindingModel(Answer):
    """Something that the monitor found."""

    code: str
    said: str
    is_blocking: bool = Field(description="Whether documents are not made because of it.")
    recipient: str | None


class AlternativeAddressModel(Body):
    """Another address of the issuer, for credit notes."""

    name: str
    street: str
    postcode: str
    city: str
    country: str


class NumberRangeModel(Answer):
    """A range of numbers without gaps."""

    prefix: str
    year: int
    last_number: int
    last_issued_on: date | None


class SettingsModel(Answer):
    """How the issuer invoices."""

    issuer: OrganisationKey
    automatic_mailing: bool
    zero_invoices: bool
    aggregated_lines: bool
    credit_note_mailing: bool
    community_discount_bps: int
    due_days: int
    languages: dict[str, str]
    prefixes: dict[str, str]
    revenue_accounts: dict[str, str]
    alternative_address: dict[str, str] | None
    iban: str | None
    phone: str | None
    email: str | None
    tax_number: str | None
    number_ranges: list[NumberRangeModel]


class SettingsChange(Body):
    """What of it may change."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"automatic_mailing": True, "due_days": 30}}
    )

    automatic_mailing: bool | None = None
    zero_invoices: bool | None = None
    aggregated_lines: bool | None = None
    credit_note_mailing: bool | None = None
    community_discount_bps: int | None = Field(default=None, ge=0, le=10_000)
    due_days: int | None = Field(default=None, ge=0, le=365)
    languages: dict[str, str] | None = None
    prefixes: dict[str, str] | None = None
    revenue_accounts: dict[str, str] | None = None
    alternative_address: AlternativeAddressModel | None = None
    iban: str | None = None
    phone: str | None = Field(default=None, max_length=40)
    email: str | None = None
    tax_number: str | None = Field(default=None, max_length=40)


_EMPTIED = frozenset({"alternative_address", "iban", "phone", "email", "tax_number"})
"""What null empties; elsewhere null changes nothing."""


@router.get("/documents", summary="List documents")
async def list_documents(
    db: Db,
    caller: Reader,
    kind: DocumentKind | None = None,
    recipient: Annotated[str | None, Query(max_length=100)] = None,
    month: Annotated[str | None, Query(max_length=7, description="As in 2026-10.")] = None,
    open_only: Annotated[bool, Query(description="Invoices that wait to be paid.")] = False,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Page[DocumentHeadModel]:
    """The newest first: those of the contacts one manages, and those to one's organisations."""
    after = paging.decoded(cursor, str)
    found = await papers.documents(
        db,
        caller.scope,
        kind=kind,
        recipient=recipient,
        month=month,
        open_only=open_only,
        after=after[0] if after else None,
        limit=limit + 1,
    )
    return paging.page(
        found,
        limit,
        shown=lambda each: DocumentHeadModel(**_head(caller, each)),
        key=lambda each: (each.number,),
    )


@router.get("/documents/{number:segment}.sessions.csv", summary="Get an invoice's sessions as CSV")
async def get_document_sessions(db: Db, now: Now, caller: Reader, number: str) -> Response:
    """One row for each session; what is taken back is negative."""
    return await _form(db, now, caller, number, document_forms.SESSIONS)


@router.get("/documents/{number:segment}.pdf", summary="Get a document as PDF")
async def get_document_pdf(db: Db, now: Now, caller: Reader, number: str) -> Response:
    """PDF/A-3 with its XML inside, byte by byte as it went out."""
    return await _form(db, now, caller, number, "pdf")


@router.get("/documents/{number:segment}.xml", summary="Get a document as XML")
async def get_document_xml(db: Db, now: Now, caller: Reader, number: str) -> Response:
    """EN 16931 (Factur-X)."""
    return await _form(db, now, caller, number, "xml")


@router.get("/documents/{number:segment}.csv", summary="Get a document as CSV")
async def get_document_csv(db: Db, now: Now, caller: Reader, number: str) -> Response:
    """The lines of the document."""
    return await _form(db, now, caller, number, "csv")


@router.get("/documents/{number:segment}.json", summary="Get a document as JSON")
async def get_document_json(db: Db, now: Now, caller: Reader, number: str) -> Response:
    """All that stands on it, as it was issued."""
    return await _form(db, now, caller, number, "json")


@router.get("/documents/{number:segment}", summary="Get a document")
async def get_document(db: Db, caller: Reader, number: str) -> DocumentModel:
    """With its delivery and the counter-documents that take parts of it back."""
    return await _read(db, caller, number)


@router.post("/documents/{number:segment}/cancel", summary="Take a document back")
async def cancel_document(
    db: Db, now: Now, caller: Issuer, number: str, body: CancelBody
) -> DocumentModel:
    """By a counter-document, which is answered; what was issued is never changed."""
    head, _ = await papers.document(db, number, caller.scope)
    if body.net is None:
        made = await counter_documents.cancel(
            db, number, reason=body.reason, again=body.again, now=now
        )
    else:
        made = await counter_documents.credit(
            db,
            number,
            net=Money(body.net, head.gross.currency),
            vat_rate=body.vat_rate,
            reason=body.reason,
            now=now,
        )
    shown = await _read(db, caller, made.number)
    await note(db, now, caller, "document.cancel", head, {"by": made.number, "why": body.reason})
    return shown


@router.post("/documents/{number:segment}/resend", summary="Mail a document again")
async def resend_document(
    db: Db, now: Now, context: Context, caller: Issuer, number: str
) -> DocumentModel:
    """To the contact's address as it is now."""
    head, document = await papers.document(db, number, caller.scope)
    mails = context.mails_or_refuse()
    await document_mailing.send(db, mails, document, now=now, again=True)
    await note(db, now, caller, "document.resend", head, None)
    return await _read(db, caller, number)


class PaidBody(Body):
    """What came in for an invoice."""

    model_config = ConfigDict(json_schema_extra={"example": {"amount": "119.00"}})

    amount: Bounded | None = Field(
        default=None, description="In the invoice's currency; all that is left, if it is left out."
    )


@router.post("/documents/{number:segment}/paid", summary="Book an invoice as paid")
async def pay_document(
    db: Db, now: Now, caller: Issuer, number: str, body: PaidBody | None = None
) -> DocumentModel:
    """What is left of it came in whole, or a part: the rest stays open."""
    head, _ = await papers.document(db, number, caller.scope)
    amount = None
    if body is not None and body.amount is not None:
        amount = Money(body.amount, head.gross.currency)
    paid = await papers.mark_paid(db, number, amount=amount, now=now)
    await note(db, now, caller, "document.paid", head, {"amount": paid.text})
    return await _read(db, caller, number)


@router.get("/invoicing/settings", summary="Get how invoicing is set")
async def get_invoicing_settings(db: Db, caller: Issuer) -> SettingsModel:
    """Whether papers are made by themselves is a service of the issuer: `/organisations`."""
    caller.must_have(Permission.CRM_READ)
    return await _settings(db)


@router.patch("/invoicing/settings", summary="Change how invoicing is set")
async def change_invoicing_settings(
    db: Db, now: Now, caller: Issuer, body: SettingsChange
) -> SettingsModel:
    """What is left out stays as it is. The issuer's address and account are personal data."""
    caller.must_have(Permission.CRM_READ)
    before = await _settings(db)
    changes = {
        name: value
        for name, value in body.model_dump(exclude_unset=True).items()
        if value is not None or name in _EMPTIED
    }
    await invoicing_settings.change_settings(db, before.issuer, changes, now=now)
    after = await _settings(db)
    await caller.note(
        db,
        "invoicing.settings",
        f"organisation/{before.issuer}",
        organisation=before.issuer,
        before=before.model_dump(mode="json"),
        after=after.model_dump(mode="json"),
        now=now,
    )
    return after


@router.get("/invoicing/monitor", summary="Verify how invoicing is set")
async def get_monitor(
    db: Db, now: Now, caller: Issuer, month: Annotated[str, Query(max_length=7)]
) -> list[FindingModel]:
    """What would keep a month's documents from being made or sent; nothing is made."""
    found = await invoicing.verify(db, month, now=now)
    return [
        FindingModel(
            code=each.code, said=each.said, is_blocking=each.is_blocking, recipient=each.recipient
        )
        for each in found
    ]


@router.post("/invoicing/runs", summary="Make a month's documents")
async def run_invoicing(db: Db, now: Now, caller: Issuer, body: RunBody) -> RunModel:
    """Also where the switches are off. Running again makes what is missing, and nothing twice."""
    if body.dry_run:
        drafts, result = await invoicing.dry_run(db, body.month, now=now)
    else:
        drafts, result = [], await invoicing.run(db, body.month, now=now, by_hand=True)
        issuer = await invoicing.issuer_of(db)
        await caller.note(
            db,
            "invoicing.run",
            f"month/{body.month}",
            organisation=issuer.key,
            after={"documents": result.numbers},
            now=now,
        )
    return RunModel(
        month=body.month,
        dry_run=body.dry_run,
        numbers=result.numbers,
        drafts=[
            DraftModel(
                recipient=each.document.recipient.key,
                lines=len(each.document.lines),
                net=MoneyModel.of(each.document.net),
                tax=MoneyModel.of(each.document.tax),
                gross=MoneyModel.of(each.document.gross),
            )
            for each in drafts
        ],
        not_issued=[_not_issued(each) for each in result.not_issued],
    )


# ------------------------------------------------------------------------------------- shown


def file_answer(found: File) -> Response:
    """Return a file as an answer, with its SHA-256 as the entity's tag."""
    return Response(
        found.content,
        headers={
            "content-type": found.media_type,
            "content-disposition": f'inline; filename="{found.name}"',
            "etag": f'"{found.sha256}"',
        },
    )


async def _form(db: Db, now: Now, caller: Caller, number: str, form: str) -> Response:
    """Answer a form; it shows personal data, and cannot be masked."""
    _, document = await papers.document(db, number, caller.scope)
    caller.must_have(Permission.CRM_READ)
    return file_answer(await document_forms.file(db, document, form, now=now))


async def _read(db: Db, caller: Caller, number: str) -> DocumentModel:
    head, document = await papers.document(db, number, caller.scope)
    mail = await papers.delivery(db, head)
    return DocumentModel(
        **_head(caller, head),
        language=document.language,
        lines=[
            DocumentLineModel(
                position=each.position,
                text=shown_line(caller, each.text, each.reference),
                quantity=str(each.quantity),
                unit=each.unit,
                unit_price=format(each.unit_price, "f"),
                net=MoneyModel.of(each.net),
                vat_category=each.vat_category,
                vat_rate=str(each.vat_rate),
                first_day=each.first_day,
                last_day=each.last_day,
            )
            for each in document.lines
        ],
        vat=_taxes(document),
        notes=list(document.notes),
        payment_terms=document.payment_terms,
        counter_documents=list(await papers.counter_documents(db, number)),
        delivery=None
        if mail is None
        else DeliveryModel(
            recipient=caller.personal(mail.recipient) or "",
            state=mail.state,
            attempts=mail.attempts,
            last_error=caller.personal(mail.last_error),
            created_at=mail.created_at,
            sent_at=mail.sent_at,
        ),
        forms=list(document_forms.forms_of(document)),
    )


def _taxes(document: Document) -> list[VatLineModel]:
    return [
        VatLineModel(
            category=each.category,
            rate=str(each.rate),
            net=MoneyModel.of(each.net),
            amount=MoneyModel.of(each.amount),
            reason=each.reason,
            reason_code=each.reason_code,
        )
        for each in document.vat
    ]


def _head(caller: Caller, head: DocumentHead) -> dict[str, Any]:
    return {
        "number": head.number,
        "kind": head.kind,
        "state": head.state,
        "recipient": head.recipient,
        "recipient_name": caller.personal(head.recipient_name) or "",
        "contact": head.contact_id,
        "month": head.month,
        "issued_on": head.issued_on,
        "due_on": head.due_on,
        "first_day": head.first_day,
        "last_day": head.last_day,
        "net": MoneyModel.of(head.net),
        "tax": MoneyModel.of(head.tax),
        "gross": MoneyModel.of(head.gross),
        "credited": MoneyModel.of(head.credited),
        "paid": MoneyModel.of(head.paid),
        "cancels": head.cancels,
        "statement_id": head.statement_id,
        "sent_at": head.sent_at,
        "paid_at": head.paid_at,
        "sha256": head.sha256,
    }


def _not_issued(found: NotIssued) -> NotIssuedModel:
    return NotIssuedModel(
        recipient=found.recipient,
        code=found.code,
        said=found.said,
        amount=MoneyModel.of_optional(found.amount),
    )


async def _settings(db: Db) -> SettingsModel:
    issuer = await invoicing.issuer_of(db)
    values: dict[str, Any] = msgspec.to_builtins(issuer.settings)
    assert set(values) == set(InvoicingSettings.__struct_fields__)
    ranges = await papers.number_ranges(db, issuer.key)
    return SettingsModel(
        issuer=issuer.key,
        number_ranges=[
            NumberRangeModel(
                prefix=each.prefix,
                year=each.year,
                last_number=each.last_number,
                last_issued_on=each.last_issued_on,
            )
            for each in ranges
        ],
        **values,
    )
