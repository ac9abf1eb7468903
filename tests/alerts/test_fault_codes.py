"""What vendors' codes mean, in the reader's language."""

from pathlib import Path

import pytest

from alerts import fault_codes
from alerts.fault_codes import InvalidMeanings, entries, explained

ONE = '[[meaning]]\n{}\nen = "Hot"\nde = "Heiß"\nhelp_en = "Wait."\nhelp_de = "Warten."\n'


def test_a_code_is_explained_in_the_readers_language() -> None:
    english, german = explained("cx002", None), explained("CX002", None, language="de")
    assert english is not None
    assert german is not None
    assert english.means == "Current leaks to earth"
    assert german.means == "Strom fließt zur Erde ab"
    assert explained("CX002", None, language="fr") == english
    assert english.helps != german.helps


def test_of_several_codes_in_one_field_a_known_one_is_explained() -> None:
    assert explained("X-17, CX017", None) == explained("CX017", None) is not None


def test_what_a_station_says_is_explained_where_its_code_is_not() -> None:
    said = explained("0x4711", "RCD triggered (socket 2)")
    assert said is not None
    assert "residual-current" in said.means
    assert explained("CX017", "RCD triggered") == explained("CX017", None)
    assert explained("0x4711", "all is well") is None
    assert explained(None, None) is None


def test_an_older_list_has_other_codes_for_the_same() -> None:
    assert explained("A001", None) == explained("CX020", None) is not None


def test_every_shipped_entry_has_both_languages_and_a_code_of_its_own() -> None:
    file = Path(fault_codes.__file__).with_suffix(".toml")
    found = entries(file.read_text(encoding="utf-8"))
    codes = [(code, entry.vendor) for entry in found for code in entry.codes]
    assert len(codes) == len(set(codes)) >= 26
    for entry in found:
        assert all(each.means and each.helps for each in entry.meanings.values())


def test_a_code_of_one_make_means_what_that_make_says_and_stands_before_the_common_one() -> None:
    common, own = explained("A001", None), explained("0xA001", None, vendor="KEBA AG")
    assert common is not None
    assert own is not None
    assert explained("A001", None, vendor="KEBA AG") == own != common
    assert explained("0xA001", None, vendor="Other") is None


def test_a_code_may_name_the_part_of_the_station_before_it() -> None:
    assert explained("evse_board_support/DiodeFault", None) == explained("DiodeFault", None)
    assert explained("evse_board_support/MREC2GroundFailure", None) == explained("CX002", None)
    assert explained("DiodeFault", None) is not None


def test_an_entry_may_hold_for_one_make_only() -> None:
    [entry] = entries(ONE.format('code = ["E7"]\nvendor = "Acme*"'))
    assert entry.fits(frozenset({"e7"}), "", "acme gmbh")
    assert not entry.fits(frozenset({"e7"}), "", "other")
    assert not entry.fits(frozenset({"e8"}), "", "acme gmbh")


@pytest.mark.parametrize("text", [ONE.format(""), '[[meaning]]\ncode = ["E7"]\nen = "Hot"\n'])
def test_an_entry_without_a_code_or_a_language_is_refused(text: str) -> None:
    with pytest.raises(InvalidMeanings):
        entries(text)
