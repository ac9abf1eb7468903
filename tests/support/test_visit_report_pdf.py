"""The report of a visit as a PDF."""

import io
from dataclasses import replace
from typing import Literal

import pytest
from pypdf import PdfReader

from support.visit_pictures import small_picture
from support.visit_report_pdf import report_pdf
from tests.support.test_visit_pictures import picture
from tests.support.test_visit_reports import a_report


@pytest.mark.parametrize(
    ("language", "title"),
    [("en", "Report of an on-site service"), ("de", "Bericht über einen Einsatz vor Ort")],
)
def test_the_paper_says_it_all_with_photos_and_is_the_same_each_time(
    language: Literal["en", "de"], title: str
) -> None:
    shown = []
    for number in range(1, 6):
        photo = small_picture(picture("JPEG", (1600, 800 + 100 * number)))
        assert photo is not None
        shown.append((photo, f"Photo {number}"))
    report = replace(a_report(language), pictures=shown, more_pictures=3)
    made = report_pdf(report)
    assert made == report_pdf(report)
    reader = PdfReader(io.BytesIO(made))
    told = "".join(page.extract_text() for page in reader.pages).replace("\xa0", " ")
    for each in (title, "N-1", "Stadtwerke Nord", "New cable", "K-77", "Photo 5", "3 "):
        assert each in told, each
    assert sum(len(page.images) for page in reader.pages) == 5
    assert len(made) < 500_000


def test_a_long_text_goes_over_as_many_pages_as_it_takes() -> None:
    report = a_report()
    long = "\n".join(f"Line {number}: checked and found in order." for number in range(1, 151))
    visit = replace(report.visit, technician_text=long)
    reader = PdfReader(io.BytesIO(report_pdf(replace(report, visit=visit))))
    assert len(reader.pages) > 2
    told = "".join(page.extract_text() for page in reader.pages)
    assert "Line 1:" in told
    assert "Line 150:" in told
