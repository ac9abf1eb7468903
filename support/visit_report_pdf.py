"""The report of a visit as a PDF: the same report gives the same bytes."""

from collections.abc import Sequence
from typing import Final

from billing.paper_pdf import ACCENT, LEFT, MUTED, RIGHT, STRONG, Paper, fitted, wrapped
from support.visit_pictures import Picture
from support.visit_reports import VisitReport, moment, outcome_of, sections, title_of, word

_SIZE: Final = 9.5
_LEADING: Final = 13.5
_GUTTER: Final = 14.0
_PICTURE_WIDTH: Final = (RIGHT - LEFT - _GUTTER) / 2
_PICTURE_HEIGHT: Final = 190.0
_CAPTION: Final = 22.0


def report_pdf(report: VisitReport) -> bytes:
    """Return the report as PDF/A; it is dated by the visit's end. It blocks."""
    visit, title, outcome = report.visit, title_of(report), outcome_of(report)
    assert visit.ended_at is not None
    paper = Paper((title, visit.station, f"#{visit.id}"))
    paper.text(LEFT, title, font=STRONG, size=15, colour=ACCENT)
    paper.down(18)
    paper.text(LEFT, fitted(report.owner.name, RIGHT - LEFT, size=10), size=10, colour=MUTED)
    paper.down(30)
    for label, value in (
        ("station", visit.station),
        ("visit", f"#{visit.id}, {moment(report, report.day_at)}"),
        ("ticket", f"#{visit.ticket_id}, {moment(report, report.ticket.opened_at)}"),
        ("outcome", outcome[0].upper() + outcome[1:]),
    ):
        paper.text(LEFT, word(report, label), size=_SIZE, colour=MUTED)
        font = STRONG if label == "outcome" else None
        room = RIGHT - LEFT - 90
        text = fitted(value, room, size=_SIZE)
        if font:
            paper.text(LEFT + 90, text, size=_SIZE, font=font)
        else:
            paper.text(LEFT + 90, text, size=_SIZE)
        paper.down(_LEADING)
    paper.down(18)
    for name, lines in sections(report):
        _draw_section(paper, name, lines)
    if report.pictures:
        _draw_pictures(paper, report)
    return paper.to_bytes(
        language=report.language,
        title=title,
        author=report.owner.name,
        subject=f"{title}: {visit.station}",
        note=report.owner.name,
        numbering=lambda number, count: word(report, "page", number=number, count=count),
        created_at=visit.ended_at,
    )


def _draw_section(paper: Paper, name: str, lines: Sequence[str]) -> None:
    if not paper.room_for(17 + 2 * _LEADING):
        paper.turn()
    paper.text(LEFT, name, font=STRONG, size=11)
    paper.down(17)
    for line in lines:
        for part in line.splitlines() or [""]:
            for row in wrapped(part, RIGHT - LEFT, size=_SIZE):
                if not paper.room_for(_LEADING):
                    paper.turn()
                paper.text(LEFT, row, size=_SIZE)
                paper.down(_LEADING)
    paper.down(13)


def _draw_pictures(paper: Paper, report: VisitReport) -> None:
    height = _PICTURE_HEIGHT + _CAPTION
    if not paper.room_for(17 + height):
        paper.turn()
    paper.text(LEFT, word(report, "photos"), font=STRONG, size=11)
    paper.down(12)
    for place, (picture, caption) in enumerate(report.pictures):
        is_left = place % 2 == 0
        if is_left and place:
            paper.down(height)
        if is_left and not paper.room_for(height):
            paper.turn()
        x = LEFT if is_left else LEFT + _PICTURE_WIDTH + _GUTTER
        drawn_width, drawn_height = _fitting(picture)
        paper.picture(x, paper.y - drawn_height, drawn_width, drawn_height, picture.jpeg)
        paper.text(
            x,
            fitted(caption, _PICTURE_WIDTH),
            y=paper.y - drawn_height - 11,
            colour=MUTED,
        )
    paper.down(height)
    if report.more_pictures:
        paper.text(LEFT, word(report, "photos_left", number=report.more_pictures), colour=MUTED)


def _fitting(picture: Picture) -> tuple[float, float]:
    """Return the sides in points, as large as there is room; small pictures are not enlarged."""
    scale = min(_PICTURE_WIDTH / picture.width_px, _PICTURE_HEIGHT / picture.height_px, 1.0)
    return picture.width_px * scale, picture.height_px * scale
