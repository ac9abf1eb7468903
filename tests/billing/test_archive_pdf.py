"""A paper is fit for an archive, with or without files inside, and says the same each time."""

import io
from datetime import UTC, datetime

import facturx
import pytest
from pypdf import PdfReader

from billing.archive_pdf import FACTURX_NAME, Description, Enclosure, archived
from billing.paper_pdf import LEFT, STRONG, Paper
from billing.statement_document import statement_xml
from billing.statement_pdf import statement_pdf
from tests.billing.archive_rules import must_be_archivable
from tests.billing.builders import external, payable, statement

MOMENT = datetime(2026, 11, 1, 8, 30, tzinfo=UTC)
SHEET = Enclosure("lines.csv", "text/csv", b"a,b\r\n" * 9, "Supplement", "Die Zeilen")


def paper(*enclosures: Enclosure, title: str = "Beleg <1> & Söhne") -> bytes:
    """Return a paper of two pages with odd letters in its texts."""
    drawn = Paper(("Beleg", "an jemanden", "Nr. 1"))
    drawn.text(LEFT, "Zeile 1 – 12,50 €")
    drawn.turn()
    drawn.text(LEFT, "日本 und Łódź", font=STRONG)
    return drawn.to_bytes(
        language="de",
        title=title,
        author="Müller & Co. (Ulm)",
        subject="Etwas",
        note="eine Notiz",
        numbering=lambda page, pages: f"{page}/{pages}",
        created_at=MOMENT,
        enclosures=enclosures,
    )


def test_a_paper_is_fit_for_an_archive() -> None:
    must_be_archivable(paper())


def test_a_paper_with_files_inside_is_fit_for_an_archive_and_gives_them_back() -> None:
    content = paper(SHEET)
    must_be_archivable(content)
    assert PdfReader(io.BytesIO(content)).attachments == {"lines.csv": [SHEET.content]}


def test_a_statement_is_fit_for_an_archive_with_its_invoice_inside() -> None:
    value = statement(language="de", cdrs=[payable(n, "5.00") for n in range(1, 90)])
    must_be_archivable(statement_pdf(value), invoice=statement_xml(value))


def test_another_library_finds_the_invoice_and_takes_it_for_factur_x() -> None:
    value = statement(cdrs=[payable(1, "5.00"), external(2, "7.00")])
    name, xml = facturx.get_xml_from_pdf(statement_pdf(value), check_xsd=True)
    assert name == FACTURX_NAME
    assert xml == statement_xml(value)
    assert facturx.get_level(facturx.facturx.etree.fromstring(xml)) == "en16931"


def test_what_the_typeface_lacks_is_a_question_mark_and_what_it_has_stays() -> None:
    text = PdfReader(io.BytesIO(paper())).pages[1].extract_text()
    assert "?? und Łódź" in text


def test_the_same_paper_is_the_same_file_and_another_has_another_id() -> None:
    assert paper(SHEET) == paper(SHEET)
    one, other = (PdfReader(io.BytesIO(each)).trailer["/ID"] for each in (paper(), paper(SHEET)))
    assert one != other


def test_what_is_no_whole_drawing_is_refused() -> None:
    description = Description("a", "b", "c", "en", MOMENT)
    with pytest.raises(AssertionError):
        archived(b"%PDF-1.4\nstartxref\n0\n%%EOF\n", description)
