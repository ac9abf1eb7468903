"""The report of an owner's month as a PDF: the same report gives the same bytes."""

from datetime import datetime

from billing.paper_pdf import (
    ACCENT,
    LEFT,
    MUTED,
    RIGHT,
    STRONG,
    Paper,
    columns_of,
    draw_table,
    wrapped,
)
from support.owner_month import OwnerMonth
from support.owner_reports import month_name, sections, station_rows, word


def report_pdf(report: OwnerMonth, made_at: datetime) -> bytes:
    """Return the report as PDF/A, as it was known at a moment."""
    owner, month = report.organisation, month_name(report)
    title = word(report, "subject", month=month)
    paper = Paper((title, owner.name, str(report.month)))
    paper.text(LEFT, title, font=STRONG, size=15, colour=ACCENT)
    paper.down(18)
    paper.text(LEFT, owner.name, size=10, colour=MUTED)
    paper.down(34)
    for name, lines in sections(report):
        paper.text(LEFT, name, font=STRONG, size=11)
        paper.down(17)
        for line in lines:
            for part in wrapped(line, RIGHT - LEFT, size=9.5):
                paper.text(LEFT, part, size=9.5)
                paper.down(14)
        paper.down(14)
    heads = word(report, "heads").split("|")
    room = RIGHT - LEFT
    columns = columns_of(
        (heads[0], room - 4 * 85, "left"), *((head, 85.0, "right") for head in heads[1:])
    )
    draw_table(paper, word(report, "stations"), month, columns, station_rows(report))
    return paper.to_bytes(
        language=owner.language,
        title=title,
        author=owner.name,
        subject=title,
        note=owner.name,
        numbering=lambda number, count: word(report, "page", number=number, count=count),
        created_at=made_at,
    )
