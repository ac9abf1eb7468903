"""A sheet of stickers, drawn: the same sheet gives the same bytes."""

import io
from typing import Any, Final

import segno
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from billing.paper_pdf import (
    ACCENT,
    INK,
    MUTED,
    REGULAR,
    RULE,
    STRONG,
    Colour,
    drawable,
    register_fonts,
    width_of,
)
from support.sticker_sheets import ChargePointMark, Spot, StickerSheet, spots

_HEIGHT: Final = float(A4[1])
_LEFT: Final = 15 * mm
_QUIET_ZONE: Final = 4
"""Modules of white around a code. Source: ISO/IEC 18004, section 5.3.8."""
_PAPER: Final[Colour] = (1.0, 1.0, 1.0)


def sticker_sheet_pdf(sheet: StickerSheet) -> bytes:
    """Return the sheet as a PDF, one page of A4 for each charge point."""
    register_fonts()
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=A4, invariant=1, lang=sheet.language, initialFontName=REGULAR)
    canvas.setTitle(sheet.word("title", station=sheet.station))
    canvas.setAuthor(sheet.operator)
    for point in sheet.points:
        _page(canvas, sheet, point)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def _page(canvas: Any, sheet: StickerSheet, point: ChargePointMark) -> None:
    title = sheet.word("title", station=sheet.station)
    _text(canvas, _LEFT, 18 * mm, title, STRONG, 13, INK, 180 * mm)
    named = f"{sheet.word('charge_point', number=point.number)} · {point.evse_id}"
    _text(canvas, _LEFT, 24.5 * mm, named, REGULAR, 10, INK, 180 * mm)
    told = f"{sheet.word('choose')} {sheet.word('only')}"
    _text(canvas, _LEFT, 31 * mm, told, REGULAR, 8.5, MUTED, 180 * mm)
    for each in spots():
        _sticker(canvas, sheet, point, each)


def _sticker(canvas: Any, sheet: StickerSheet, point: ChargePointMark, spot: Spot) -> None:
    x, top = spot.x_mm * mm, spot.y_mm * mm
    width, height = spot.size.width_mm * mm, spot.size.height_mm * mm
    canvas.setStrokeColorRGB(*RULE)
    canvas.setLineWidth(0.5)
    canvas.setDash(2, 2)
    canvas.rect(x, _HEIGHT - top - height, width, height)
    canvas.setDash()
    _text(canvas, x, top + height + 3 * mm, spot.size.name, REGULAR, 6.5, MUTED, width)
    pad = height * 0.08
    code = height - 2 * pad
    _code(canvas, point.address, x + width - pad - code, top + pad, code)
    left, room = x + pad, width - code - 3 * pad
    lines: list[tuple[str, str, float, Colour]] = [
        (sheet.word("help"), STRONG, 0.13, ACCENT),
        (sheet.hotline, STRONG, 0.24, INK),
        (sheet.answered, REGULAR, 0.09, MUTED),
        (point.evse_id, STRONG, 0.17, INK),
        (sheet.operator, REGULAR, 0.08, MUTED),
    ]
    y = top + pad
    gap = (height - 2 * pad - height * sum(share for *_, share, _ in lines)) / (len(lines) - 1)
    for text, font, share, colour in lines:
        y += height * share
        # What is read aloud to the hotline must not be cut: it becomes smaller instead.
        _text(canvas, left, y, text, font, height * share, colour, room)
        y += gap


def _text(
    canvas: Any,
    x: float,
    down: float,
    text: str,
    font: str,
    size: float,
    colour: Colour,
    room: float,
) -> None:
    shown = drawable(text)
    needed = width_of(shown, font, size)
    canvas.setFont(font, size if needed <= room else size * room / needed)
    canvas.setFillColorRGB(*colour)
    canvas.drawString(x, _HEIGHT - down, shown)


def _code(canvas: Any, address: str, x: float, top: float, side: float) -> None:
    rows = [bytes(row) for row in segno.make(address, micro=False, error="m").matrix]
    module = side / (len(rows) + 2 * _QUIET_ZONE)
    canvas.setFillColorRGB(*_PAPER)
    canvas.rect(x, _HEIGHT - top - side, side, side, stroke=0, fill=1)
    canvas.setFillColorRGB(0, 0, 0)
    path = canvas.beginPath()
    for down, row in enumerate(rows, _QUIET_ZONE):
        for across, is_dark in enumerate(row, _QUIET_ZONE):
            if is_dark:
                path.rect(x + across * module, _HEIGHT - top - (down + 1) * module, module, module)
    canvas.drawPath(path, stroke=0, fill=1)
