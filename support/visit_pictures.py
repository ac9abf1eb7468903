"""Photos of visits made fit for a paper: small, upright, and without what the camera wrote down.

A camera notes where and by whom a picture was taken; nothing of it goes on.
"""

import io
import warnings
from dataclasses import dataclass
from typing import Final

from PIL import Image, ImageOps, UnidentifiedImageError

LONGEST_SIDE_PX: Final = 900
QUALITY: Final = 72
MOST_PIXELS: Final = 60_000_000
"""Of a picture that is opened at all: a small file may unfold into a very large one."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A JPEG in RGB; sides in pixels."""

    jpeg: bytes
    width_px: int
    height_px: int


def small_picture(content: bytes) -> Picture | None:
    """Return a picture for a paper; None if the bytes are none that can be shown.

    It blocks: larger ones take some hundredths of a second.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(content), formats=("JPEG", "PNG", "WEBP")) as opened:
                if opened.width * opened.height > MOST_PIXELS:
                    return None
                opened.draft("RGB", (LONGEST_SIDE_PX, LONGEST_SIDE_PX))
                upright = ImageOps.exif_transpose(opened)
                upright.thumbnail((LONGEST_SIDE_PX, LONGEST_SIDE_PX))
                clear = upright.convert("RGBA")
                shown = Image.new("RGB", clear.size, "white")
                shown.paste(clear, mask=clear.getchannel("A"))
    except (
        UnidentifiedImageError,
        Image.DecompressionBombError,
        OSError,
        ValueError,
        SyntaxError,
    ):
        return None
    out = io.BytesIO()
    shown.save(out, "JPEG", quality=QUALITY)
    return Picture(out.getvalue(), shown.width, shown.height)
