"""Icons and the mark."""

from xml.etree import ElementTree

import pytest

from portal.icons import ICONS, icon, mark, mark_file


@pytest.mark.parametrize("name", ICONS)
def test_icons_are_well_formed_and_hidden_from_readers_of_the_text(name: str) -> None:
    drawing = ElementTree.fromstring(icon(name))
    assert drawing.get("aria-hidden") == "true"
    assert drawing.get("width") == "18"


def test_an_unknown_icon_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        icon("spaceship")


def test_the_mark_takes_its_colours_from_the_page_and_as_a_file_has_its_own() -> None:
    assert ElementTree.fromstring(mark()).get("class") == "mark"
    assert "{" not in mark()
    assert "#0b5d4e" in mark_file()
    ElementTree.fromstring(mark_file())
