"""A4 paper, drawn directly, with an embedded typeface: what all our papers are made of.

Everything is measured in points from the lower left corner of the page, as PDF does. Columns of
numbers are right-aligned; the typeface has figures of one width. A page is first laid out as a
list of marks and drawn at the end, when the number of pages is known.

The same marks give the same bytes: nothing in the file is of the moment or random. Every file is
PDF/A-3b (billing/archive_pdf.py).
"""

import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import as_file, files
from typing import Any, Final, Literal

from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from billing.archive_pdf import Description, Enclosure, archived

Align = Literal["left", "right"]
Colour = tuple[float, float, float]

REGULAR: Final = "Leitstand-Regular"
STRONG: Final = "Leitstand-Semibold"

INK: Final[Colour] = (0.11, 0.13, 0.16)
MUTED: Final[Colour] = (0.42, 0.45, 0.50)
RULE: Final[Colour] = (0.84, 0.86, 0.88)
ACCENT: Final[Colour] = (0.05, 0.33, 0.45)
TINT: Final[Colour] = (0.94, 0.96, 0.97)

WIDTH: Final = float(A4[0])
HEIGHT: Final = float(A4[1])
LEFT: Final = 48.0
RIGHT: Final = WIDTH - 48.0
TOP: Final = HEIGHT - 56.0
BOTTOM: Final = 64.0
ROW: Final = 13.0
GAP: Final = 6.0
SIZE: Final = 7.9


@dataclass(frozen=True, slots=True)
class _Text:
    x: float
    y: float
    text: str
    font: str
    size: float
    colour: Colour
    align: Align


@dataclass(frozen=True, slots=True)
class _Line:
    x0: float
    x1: float
    y: float
    width: float
    colour: Colour


@dataclass(frozen=True, slots=True)
class _Box:
    x: float
    y: float
    width: float
    height: float
    colour: Colour


@dataclass(frozen=True, slots=True)
class _Picture:
    x: float
    y: float
    width: float
    height: float
    jpeg: bytes


_Mark = _Text | _Line | _Box | _Picture


class Paper:
    """Pages that are being laid out; `y` is where the next thing may stand.

    Args:
        heading: What stands on top of every page but the first: left strong, left and right.
    """

    def __init__(self, heading: tuple[str, str, str]) -> None:
        register_fonts()
        self._heading = heading
        self._pages: list[list[_Mark]] = [[]]
        self.y = TOP

    def text(
        self,
        x: float,
        text: str,
        *,
        y: float | None = None,
        font: str = REGULAR,
        size: float = SIZE,
        colour: Colour = INK,
        align: Align = "left",
    ) -> None:
        at = self.y if y is None else y
        self._pages[-1].append(_Text(x, at, drawable(text), font, size, colour, align))

    def rule(
        self,
        *,
        y: float | None = None,
        x0: float = LEFT,
        x1: float = RIGHT,
        width: float = 0.5,
        colour: Colour = RULE,
    ) -> None:
        self._pages[-1].append(_Line(x0, x1, self.y if y is None else y, width, colour))

    def box(self, x: float, y: float, width: float, height: float, colour: Colour) -> None:
        self._pages[-1].append(_Box(x, y, width, height, colour))

    def picture(self, x: float, y: float, width: float, height: float, jpeg: bytes) -> None:
        """Place a JPEG in RGB, its lower left corner at a point."""
        self._pages[-1].append(_Picture(x, y, width, height, jpeg))

    def down(self, by: float) -> None:
        self.y -= by

    def room_for(self, height: float) -> bool:
        return bool(self.y - height >= BOTTOM)

    def turn(self) -> None:
        """Begin a new page, under a short head that says what it belongs to."""
        self._pages.append([])
        title, subject, reference = self._heading
        self.y = TOP
        self.text(LEFT, title, font=STRONG, colour=ACCENT)
        self.text(LEFT + 12 + width_of(title, STRONG), subject, colour=MUTED)
        self.text(RIGHT, reference, colour=MUTED, align="right")
        self.down(7)
        self.rule()
        self.down(26)

    def to_bytes(
        self,
        *,
        language: str,
        title: str,
        author: str,
        subject: str,
        note: str,
        numbering: Callable[[int, int], str],
        created_at: datetime,
        enclosures: Sequence[Enclosure] = (),
    ) -> bytes:
        """Return the file; `note` and the page's number stand at the foot of every page.

        Args:
            created_at: When the paper was issued.
            enclosures: Files inside it.
        """
        file = io.BytesIO()
        canvas = Canvas(file, pagesize=A4, invariant=1, lang=language, initialFontName=REGULAR)
        for number, marks in enumerate(self._pages, start=1):
            page = numbering(number, len(self._pages))
            foot = (
                _Line(LEFT, RIGHT, 46, 0.5, RULE),
                _Text(LEFT, 34, note, REGULAR, 7.5, MUTED, "left"),
                _Text(RIGHT, 34, page, REGULAR, 7.5, MUTED, "right"),
            )
            _draw(canvas, [*marks, *foot])
            canvas.showPage()
        canvas.save()
        description = Description(
            title=title, author=author, subject=subject, language=language, created_at=created_at
        )
        return archived(file.getvalue(), description, enclosures)


def _draw(canvas: Any, marks: Sequence[_Mark]) -> None:
    """Draw a page: shapes first, then all texts as one object, changing only what changes."""
    for mark in marks:
        if isinstance(mark, _Box):
            canvas.setFillColorRGB(*mark.colour)
            canvas.roundRect(mark.x, mark.y, mark.width, mark.height, 4, stroke=0, fill=1)
        elif isinstance(mark, _Line):
            canvas.setStrokeColorRGB(*mark.colour)
            canvas.setLineWidth(mark.width)
            canvas.line(mark.x0, mark.y, mark.x1, mark.y)
        elif isinstance(mark, _Picture):
            picture = ImageReader(io.BytesIO(mark.jpeg))
            canvas.drawImage(picture, mark.x, mark.y, mark.width, mark.height)
    text = canvas.beginText()
    font: tuple[str, float] | None = None
    colour: Colour | None = None
    for mark in marks:
        if isinstance(mark, _Text):
            if font != (mark.font, mark.size):
                font = (mark.font, mark.size)
                text.setFont(*font)
            if colour != mark.colour:
                colour = mark.colour
                text.setFillColorRGB(*colour)
            indent = width_of(mark.text, *font) if mark.align == "right" else 0.0
            text.setTextOrigin(mark.x - indent, mark.y)
            text.textOut(mark.text)
    canvas.drawText(text)


@cache
def register_fonts() -> None:
    """Load the typeface once per process; it is subset into every file."""
    folder = files("font_source_sans_pro") / "files"
    for name, file in (
        (REGULAR, "SourceSansPro-Regular.ttf"),
        (STRONG, "SourceSansPro-Semibold.ttf"),
    ):
        with as_file(folder / file) as path:
            pdfmetrics.registerFont(TTFont(name, str(path)))


def drawable(text: str) -> str:
    """Return a text with a question mark for each character that the typeface does not have.

    An archive takes no paper with a box instead of a letter; the XML inside keeps the letter.
    """
    if text.isascii() and text.isprintable():
        return text
    known = pdfmetrics.getFont(REGULAR).face.charToGlyph
    return "".join(letter if ord(letter) in known else "?" for letter in text)


def width_of(text: str, font: str = REGULAR, size: float = SIZE) -> float:
    return float(pdfmetrics.stringWidth(text, font, size))


def fitted(text: str, width: float, font: str = REGULAR, size: float = SIZE) -> str:
    """Return the text, shortened in its middle where it is too wide: both ends tell most."""
    if width_of(text, font, size) <= width:
        return text
    keep = len(text)
    while keep > 1:
        keep -= 1
        front = text[: (keep + 1) // 2]
        back = text[len(text) - keep // 2 :]
        shorter = f"{front}\N{HORIZONTAL ELLIPSIS}{back}"
        if width_of(shorter, font, size) <= width:
            return shorter
    return "\N{HORIZONTAL ELLIPSIS}"


def wrapped(text: str, width: float, font: str = REGULAR, size: float = SIZE) -> list[str]:
    """Return the text on as many lines as it takes, at least one; a word too long is shortened."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and width_of(longer, font, size) <= width:
            lines[-1] = longer
        else:
            lines.append(fitted(word, width, font, size))
    return lines or [""]


def in_fours(iban: str) -> str:
    """Return an account number in groups of four, as people read it."""
    compact = iban.replace(" ", "")
    return " ".join(compact[index : index + 4] for index in range(0, len(compact), 4))


# ------------------------------------------------------------------------------- tables


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its head, its edge (left or right, by its alignment) and its width."""

    head: str
    x: float
    width: float
    align: Align

    @property
    def is_fitted(self) -> bool:
        """Whether a cell may be shortened: texts only, never a number."""
        return self.align == "left"


def columns_of(*parts: tuple[str, float, Align]) -> list[Column]:
    """Return columns side by side from the left margin; the widths include the gaps."""
    columns = []
    x = LEFT
    for head, width, align in parts:
        columns.append(Column(head, x if align == "left" else x + width, width, align))
        x += width
    assert abs(x - RIGHT) < 1, f"the columns end {x - RIGHT} off the margin"
    return columns


def draw_table_head(paper: Paper, columns: Sequence[Column]) -> None:
    for column in columns:
        paper.text(column.x, column.head, size=7.4, colour=MUTED, align=column.align)
    paper.down(5)
    paper.rule(width=0.7, colour=MUTED)
    paper.down(ROW - 2)


def draw_row(
    paper: Paper, columns: Sequence[Column], cells: Sequence[str], *, font: str = REGULAR
) -> None:
    for column, cell in zip(columns, cells, strict=True):
        text = fitted(cell, column.width - GAP, font) if column.is_fitted else cell
        if text:
            paper.text(column.x, text, font=font, align=column.align)


def draw_letterhead(
    paper: Paper,
    issuer: str,
    about_issuer: Iterable[str],
    recipient: Iterable[str],
    facts: Iterable[tuple[str, str]],
) -> None:
    """Draw who writes, to whom, and what there is to know beside it; the text goes on below.

    Args:
        paper: On its first page, at the top.
        issuer: A name.
        about_issuer: Address and numbers, a line each.
        recipient: Name and address; they stand where the window of an envelope is.
        facts: Each with its label.
    """
    paper.text(LEFT, issuer, font=STRONG, size=10.5, colour=ACCENT)
    for line in about_issuer:
        paper.down(11)
        paper.text(LEFT, line, size=8, colour=MUTED)
    paper.y = facts_y = min(HEIGHT - 150, paper.y - 34)
    for line in recipient:
        paper.text(LEFT, fitted(line, 250, size=10), size=10)
        paper.down(13.5)
    end = paper.y
    paper.y = facts_y
    for label, value in facts:
        paper.text(RIGHT - 215, label, colour=MUTED)
        paper.text(RIGHT, fitted(value, 150), align="right")
        paper.down(12.5)
    paper.y = min(end, paper.y) - 34


def draw_amount(paper: Paper, label: str, hint: str, amount: str) -> None:
    """Draw what everybody looks for first: one amount, what it is, and by when."""
    height = 50.0
    paper.down(height)
    paper.box(LEFT, paper.y, RIGHT - LEFT, height, TINT)
    base = paper.y + 18
    paper.text(LEFT + 14, label, y=base + 13, colour=MUTED)
    paper.text(LEFT + 14, hint, y=base, size=9.5)
    paper.text(RIGHT - 14, amount, y=base + 1, font=STRONG, size=22, colour=ACCENT, align="right")
    paper.down(34)


def draw_title(paper: Paper, title: str, unit: str) -> None:
    paper.text(LEFT, title, font=STRONG, size=11)
    paper.text(RIGHT, unit, size=7.4, colour=MUTED, align="right")


def draw_table(
    paper: Paper,
    title: str,
    unit: str,
    columns: Sequence[Column],
    rows: Iterable[Sequence[str]],
    *,
    note: str | None = None,
    foot: Sequence[str] | None = None,
) -> None:
    """Draw a titled table over as many pages as it takes, its head on each."""
    if not paper.room_for(24 + (12 if note else 0) + 4 * ROW):
        paper.turn()
    draw_title(paper, title, unit)
    if note:
        paper.down(13)
        paper.text(LEFT, note, colour=MUTED)
    paper.down(19)
    draw_table_head(paper, columns)
    waiting = list(rows)
    for index, cells in enumerate(waiting):
        # The last row and the sum stay together.
        closes = foot is not None and index == len(waiting) - 1
        if not paper.room_for(ROW + 6 if closes else 6):
            paper.turn()
            draw_table_head(paper, columns)
        draw_row(paper, columns, cells)
        paper.rule(y=paper.y - 4)
        paper.down(ROW)
    if foot is not None:
        paper.down(1)
        draw_row(paper, columns, foot, font=STRONG)
        paper.down(ROW)
    paper.down(20)
