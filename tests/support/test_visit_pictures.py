"""Photos made fit for a paper."""

import io

import pytest
from PIL import Image

from support.visit_pictures import LONGEST_SIDE_PX, small_picture


def picture(kind: str, size: tuple[int, int], mode: str = "RGB", **more: object) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size, "red").save(out, kind, **more)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_large_photo_becomes_small_and_keeps_its_shape(kind: str) -> None:
    made = small_picture(picture(kind, (2000, 1000)))
    assert made is not None
    assert (made.width_px, made.height_px) == (LONGEST_SIDE_PX, LONGEST_SIDE_PX // 2)
    with Image.open(io.BytesIO(made.jpeg)) as opened:
        assert (opened.format, opened.mode) == ("JPEG", "RGB")


def test_a_photo_stands_upright_and_what_the_camera_noted_is_gone() -> None:
    noted = Image.Exif()
    noted[0x0112] = 6  # turned by a quarter
    noted[0x013B] = "Tom Technik"
    made = small_picture(picture("JPEG", (40, 20), exif=noted))
    assert made is not None
    assert (made.width_px, made.height_px) == (20, 40)
    assert b"Tom" not in made.jpeg
    with Image.open(io.BytesIO(made.jpeg)) as opened:
        assert not opened.getexif()


def test_what_is_clear_becomes_white() -> None:
    made = small_picture(picture("PNG", (8, 8), "LA"))
    assert made is not None
    clear = io.BytesIO()
    Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(clear, "PNG")
    made = small_picture(clear.getvalue())
    assert made is not None
    with Image.open(io.BytesIO(made.jpeg)) as opened:
        assert opened.getpixel((4, 4)) == (255, 255, 255)


@pytest.mark.parametrize("broken", [b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n" + b"\0" * 40])
def test_what_is_no_picture_is_left_out(broken: bytes) -> None:
    assert small_picture(broken) is None


def test_a_small_file_that_unfolds_too_far_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("support.visit_pictures.MOST_PIXELS", 100)
    assert small_picture(picture("PNG", (10, 10))) is not None
    assert small_picture(picture("PNG", (11, 10))) is None
