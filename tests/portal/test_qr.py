"""Tests of QR codes."""

import re
from xml.etree import ElementTree

from portal.qr import qr_code


def test_a_code_is_an_image_with_a_name_and_a_quiet_zone() -> None:
    drawn = str(qr_code("otpauth://totp/Leitstand:erika?secret=ABC", title="A <code>"))
    image = ElementTree.fromstring(drawn)
    size = int(image.attrib["viewBox"].split()[2])
    spots = [(int(x), int(y)) for x, y in re.findall(r"M(\d+) (\d+)h", drawn)]

    assert image.attrib["aria-label"] == "A <code>"
    assert "style" not in drawn
    assert min(min(spot) for spot in spots) == 4
    assert max(max(spot) for spot in spots) == size - 5
    # The three finder patterns: a corner is dark, and so is its seventh module.
    assert {(4, 4), (10, 4), (4, 10), (size - 5, 4), (4, size - 5)} <= set(spots)


def test_the_same_text_makes_the_same_code() -> None:
    assert qr_code("a", title="t") == qr_code("a", title="t") != qr_code("b", title="t")
