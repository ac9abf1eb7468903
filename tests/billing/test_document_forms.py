"""The forms of a document: made once, kept byte by byte."""

import hashlib

import msgspec
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from billing import document_forms, papers
from billing.document_forms import document_json, forms_of
from billing.documents import DocumentKind
from foundation.errors import NotFound
from tests.billing.paper_story import contract_of, customer, open_office, run
from tests.billing.story import DECEMBER, NOVEMBER, ended, happen
from tests.billing.test_documents import document


def test_amounts_in_the_json_have_their_currencys_digits() -> None:
    value = msgspec.json.decode(document_json(document()))
    assert (value["gross"], value["lines"][0]["net"], value["currency"]) == (
        "119.00",
        "100.00",
        "EUR",
    )
    assert (value["type_code"], value["seller"]) == ("380", "organisation/operator")


def test_only_invoices_have_sessions_of_their_own() -> None:
    note = document(kind=DocumentKind.CREDIT_NOTE)
    assert set(forms_of(document())) - set(forms_of(note)) == {"sessions.csv"}


async def test_a_form_is_made_once_and_goes_out_again_as_it_was(db: AsyncSession) -> None:
    await open_office(db)
    await contract_of(db, await customer(db))
    await happen(db, ended(1))
    [number] = (await run(db)).numbers
    _, issued = await papers.document(db, number)
    for form in forms_of(issued):
        first = await document_forms.file(db, issued, form, now=NOVEMBER)
        again = await document_forms.file(db, issued, form, now=DECEMBER)
        assert first == again
        assert hashlib.sha256(first.content).hexdigest() == first.sha256
    assert (await document_forms.file(db, issued, "pdf", now=DECEMBER)).content[:5] == b"%PDF-"
    with pytest.raises(NotFound):
        await document_forms.file(db, issued, "docx", now=DECEMBER)
