"""How the tokens of a list are told apart; what is asked is in the tests of its pages and calls."""

from csms.list_updates import LocalList
from csms.local_lists import Entry, Held, Limits, Wanted, difference
from portal.local_list_doors import Place, lines


def found(held: dict[str, str] | None, wanted: dict[str, str]) -> LocalList:
    """A list whose entries are told apart by their groups."""

    def entries(of: dict[str, str]) -> dict[str, Entry]:
        return {key: Entry(key, None, group_id=group) for key, group in of.items()}

    should = entries(wanted)
    now = Held(3, entries(held or {}), is_known=held is not None, last_version=3)
    differs = difference(now.entries, should) if held is not None else None
    return LocalList(now, Wanted(should), Limits(), differs, None, ())


def test_what_differs_comes_first_and_each_says_how() -> None:
    told = lines(found({"A": "x", "B": "x", "C": "x"}, {"A": "x", "B": "y", "D": "x"}))
    assert [(each.entry.key, each.place) for each in told] == [
        ("B", Place.DIFFERS),
        ("C", Place.TOO_MUCH),
        ("D", Place.MISSING),
        ("A", Place.RIGHT),
    ]
    assert told[0].entry.group_id == "y", "as it should be"


def test_where_nobody_knows_what_a_station_holds_nothing_is_said_of_it() -> None:
    told = lines(found(None, {"B": "x", "A": "x"}))
    assert [(each.entry.key, each.place) for each in told] == [
        ("A", Place.UNKNOWN),
        ("B", Place.UNKNOWN),
    ]
