"""The drawn sheet: readable texts, one page for each charge point, the same bytes every time."""

import io

import pytest
from pypdf import PdfReader

from support.sticker_sheets import SIZES, StickerSheet, sheet
from support.sticker_sheets_pdf import sticker_sheet_pdf


def made(language: str = "en", hotline: str = "+49 800 1234567") -> StickerSheet:
    return sheet(
        "DE-HN-014",
        {1: "DE*ABC*E1001", 2: "DE*ABC*E1002"},
        hotline=hotline,
        hours=None,
        operator="Ladenetz Betrieb GmbH",
        language=language,
        address="https://portal.example/at/",
    )


@pytest.mark.parametrize(
    ("language", "words"), [("en", "Help with charging"), ("de", "Hilfe beim Laden")]
)
def test_each_sticker_has_the_hotline_and_the_evse_id(language: str, words: str) -> None:
    pages = PdfReader(io.BytesIO(sticker_sheet_pdf(made(language)))).pages
    assert len(pages) == 2
    count = sum(each.count for each in SIZES)
    for page, evse_id in zip(pages, ("DE*ABC*E1001", "DE*ABC*E1002"), strict=True):
        text = page.extract_text()
        assert text.count("+49 800 1234567") == text.count(words) == count
        assert text.count(evse_id) == count + 1  # and above the stickers


def test_the_same_sheet_gives_the_same_bytes() -> None:
    assert sticker_sheet_pdf(made()) == sticker_sheet_pdf(made())


def test_a_long_number_becomes_smaller_and_is_never_cut() -> None:
    long = "+49 (0) 800 1234567890 1234567890 or +43 800 9876"
    [page, _] = PdfReader(io.BytesIO(sticker_sheet_pdf(made(hotline=long)))).pages
    assert page.extract_text().count(long) == sum(each.count for each in SIZES)
