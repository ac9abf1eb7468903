"""Paper holds what is drawn on it: on as many pages as it takes, shortened only where it may be."""

import io
from datetime import UTC, datetime
from typing import Any

import pytest
from pypdf import PdfReader

from billing.paper_pdf import (
    BOTTOM,
    LEFT,
    RIGHT,
    Paper,
    columns_of,
    draw_table,
    fitted,
    width_of,
    wrapped,
)


def file_of(paper: Paper) -> bytes:
    return paper.to_bytes(
        language="en",
        title="A paper",
        author="Somebody",
        subject="Something",
        note="a note",
        numbering=lambda page, pages: f"{page}/{pages}",
        created_at=datetime(2026, 11, 1, tzinfo=UTC),
    )


def read(paper: Paper) -> PdfReader:
    return PdfReader(io.BytesIO(file_of(paper)))


def test_a_table_has_its_head_on_every_page_and_keeps_its_sum_with_a_row() -> None:
    paper = Paper(("Paper", "of somebody", "No. 1"))
    columns = columns_of(("name", 400, "left"), ("number", RIGHT - LEFT - 400, "right"))
    rows = [(f"row {number}", f"{number}") for number in range(150)]
    draw_table(paper, "A title", "in EUR", columns, rows, note="why", foot=("Sum", "11175"))
    pages = [page.extract_text() for page in read(paper).pages]
    assert len(pages) == 3
    assert all("name number" in page for page in pages)
    assert "row 0 0" in pages[0]
    assert "row 149 149\nSum 11175" in pages[-1]
    for number, page in enumerate(pages, start=1):
        assert f"{number}/3" in page


def test_the_typeface_is_embedded_and_has_what_we_write() -> None:
    paper = Paper(("", "", ""))
    paper.text(LEFT, "äöüß ÄÖÜ € £ − … · – Łódź")
    reader = read(paper)
    [page] = reader.pages
    assert "äöüß ÄÖÜ € £ − … · – Łódź" in page.extract_text()
    resources: Any = page["/Resources"]
    fonts = resources["/Font"]
    descriptors = [
        font.get_object()["/FontDescriptor"].get_object()
        for font in fonts.values()
        if "/FontDescriptor" in font.get_object()
    ]
    assert descriptors
    assert all("/FontFile2" in descriptor for descriptor in descriptors)


def test_figures_have_one_width() -> None:
    assert len({round(width_of(figure), 3) for figure in "0123456789"}) == 1


def test_a_text_is_shortened_in_its_middle_and_only_if_it_must_be() -> None:
    assert fitted("CS-1", 100) == "CS-1"
    shorter = fitted("Heilbronn-Parkhaus-Mitte-Ebene-3-Platz-17", 80)
    assert shorter.startswith("Heilbronn")
    assert shorter.endswith("17")
    assert "…" in shorter
    assert width_of(shorter) <= 80
    assert fitted("W" * 50, 5) == "…"


def test_a_text_is_set_on_as_many_lines_as_it_takes() -> None:
    lines = wrapped("one two three four five six seven " + "W" * 60, 60)
    assert len(lines) == 3
    assert all(width_of(each) <= 60 for each in lines)
    assert " ".join(lines[:-1]).startswith("one two three")
    assert "…" in lines[-1]
    assert wrapped("", 60) == [""]


def test_columns_end_at_the_margin_or_are_a_mistake() -> None:
    with pytest.raises(AssertionError):
        columns_of(("name", 100, "left"))


def test_the_same_marks_give_the_same_bytes() -> None:
    def drawn() -> bytes:
        paper = Paper(("", "", ""))
        paper.text(LEFT, "once and again")
        return file_of(paper)

    assert drawn() == drawn()


def test_a_table_does_not_begin_at_the_very_end_of_a_page() -> None:
    paper = Paper(("Paper", "", ""))
    columns = columns_of(("name", RIGHT - LEFT, "left"))
    paper.text(LEFT, "before")
    paper.y = BOTTOM + 40
    draw_table(paper, "A title", "", columns, [("row",)])
    first, second = (page.extract_text() for page in read(paper).pages)
    assert "before" in first
    assert "A title" in second
