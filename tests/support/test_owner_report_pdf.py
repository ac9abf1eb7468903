"""The report of an owner's month as a PDF."""

import io
from typing import Literal

import pytest
from pypdf import PdfReader
from sqlalchemy.ext.asyncio import AsyncSession

from support.owner_report_pdf import report_pdf
from tests.support.test_owner_reports import THIRD, a_report


@pytest.mark.parametrize(("language", "said"), [("en", "Uptime: 98.65 %"), ("de", "98,65 %")])
async def test_the_paper_says_what_the_mail_says_and_lists_the_stations(
    db: AsyncSession, language: Literal["en", "de"], said: str
) -> None:
    report = await a_report(db, language)
    made = report_pdf(report, THIRD)
    assert made == report_pdf(report, THIRD)
    told = "".join(page.extract_text() for page in PdfReader(io.BytesIO(made)).pages)
    for each in (said, "Taxistand", report.organisation.name):
        assert each in told.replace("\xa0", " ")
