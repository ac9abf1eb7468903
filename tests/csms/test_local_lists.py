"""Local lists: what a station should hold, and which messages lead there."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.local_lists import (
    LARGEST_VERSION,
    UNSUPPORTED,
    Entry,
    Held,
    Known,
    Limits,
    difference,
    doubted,
    next_message,
    payload_of,
    taken,
    told,
    wanted,
)
from csms.reports import OcppVersion

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
V16, V201, V21 = OcppVersion.V16, OcppVersion.V201, OcppVersion.V21


def token(value: str, **changed: Any) -> Known:
    usual: dict[str, Any] = {"type": "ISO14443", "group_id": None, "valid_until": None}
    return Known(value, **(usual | changed))


def entries(*values: str, **changed: Any) -> dict[str, Entry]:
    return {each: Entry(each, "ISO14443", **changed) for each in values}


def holding(*values: str, version: int = 3) -> Held:
    return Held(version, entries(*values), is_known=True, last_version=version)


# --------------------------------------------------------------------------------- deriving


def test_a_list_has_the_tokens_in_the_order_of_their_keys() -> None:
    found = wanted([token("B2"), token("a-1"), token("C3")], Limits(), version=V201, now=NOW)
    assert list(found.entries) == ["A1", "B2", "C3"]
    assert found.entries["A1"].id_token == "a-1"


@pytest.mark.parametrize(("hours", "is_on"), [(-1, False), (0, False), (1, True)])
def test_an_expired_token_is_left_out(hours: int, is_on: bool) -> None:
    until = NOW + timedelta(hours=hours)
    found = wanted([token("A", valid_until=until)], Limits(), version=V201, now=NOW)
    assert ("A" in found.entries) is is_on


def test_beyond_the_stations_length_the_last_are_left_out_and_counted() -> None:
    found = wanted([token(each) for each in "DCBA"], Limits(entries=3), version=V201, now=NOW)
    assert (list(found.entries), found.too_many) == (["A", "B", "C"], 1)


@pytest.mark.parametrize(
    ("version", "length", "kind", "fits"),
    [
        (V16, 20, "eMAID", True),
        (V16, 21, "ISO14443", False),
        (V201, 36, "ISO14443", True),
        (V201, 37, "ISO14443", False),
        (V201, 8, "EVCCID", False),
        (V21, 37, "EVCCID", True),
    ],
)
def test_a_token_that_the_version_cannot_write_is_left_out_and_counted(
    version: OcppVersion, length: int, kind: str, fits: bool
) -> None:
    found = wanted([token("T" * length, type=kind)], Limits(), version=version, now=NOW)
    assert (len(found.entries), found.unfit) == ((1, 0) if fits else (0, 1))


def test_a_group_that_1_6_cannot_write_is_left_out_of_its_entry() -> None:
    known = [token("A", group_id="G" * 20), token("B", group_id="G" * 21)]
    found = wanted(known, Limits(), version=V16, now=NOW).entries
    assert (found["A"].group_id, found["B"].group_id) == ("G" * 20, None)
    assert found["A"].type is None


# ------------------------------------------------------------------------------ what is next


def test_who_holds_what_he_should_is_sent_nothing() -> None:
    assert next_message(holding("A", "B"), entries("A", "B"), Limits()) is None


@pytest.mark.parametrize(
    "held", [Held(), Held(version=7, last_version=7), doubted(holding("A", "B", "C", "D"))]
)
def test_where_nothing_certain_is_known_the_list_is_sent_whole(held: Held) -> None:
    message = next_message(held, entries("A", "B", "C", "D"), Limits())
    assert message is not None
    assert (message.is_full, len(message.entries)) == (True, 4)
    assert message.version == held.last_version + 1


def test_a_little_that_differs_is_sent_alone_removals_first() -> None:
    should = entries("A", "B", "C", "X") | entries("D", group_id="G")
    message = next_message(holding("A", "B", "C", "D", "E"), should, Limits())
    assert message is not None
    assert not message.is_full
    assert [(each.id_token, stays) for each, stays in message.entries] == [
        ("E", False),
        ("D", True),
        ("X", True),
    ]


@pytest.mark.parametrize(("removed", "is_full"), [(1, False), (2, True), (3, True)])
def test_a_differential_that_would_be_no_shorter_is_sent_whole(removed: int, is_full: bool) -> None:
    gone = [f"R{number}" for number in range(removed)]
    message = next_message(holding("A", "B", *gone), entries("A", "B"), Limits())
    assert message is not None
    assert message.is_full is is_full


def test_an_empty_list_is_sent_whole_and_without_a_list() -> None:
    message = next_message(holding("A"), {}, Limits())
    assert message is not None
    assert payload_of(message, is_16=False) == {"versionNumber": 4, "updateType": "Full"}


def test_a_station_takes_as_many_entries_and_bytes_as_it_said() -> None:
    should = entries(*(f"T{number:03}" for number in range(120)))
    assert _sizes(should, Limits(items=50)) == [50, 50, 20]
    assert _sizes(should, Limits()) == [50, 50, 20], "what never said how many"
    assert max(_sizes(should, Limits(octets=1000))) < 12
    assert set(_sizes(should, Limits(octets=10))) == {1}


def _sizes(should: Mapping[str, Entry], limits: Limits) -> list[int]:
    held = Held()
    sizes: list[int] = []
    while (message := next_message(held, should, limits)) is not None:
        assert message.is_full is (not sizes), "a whole list first, differentials after it"
        sizes.append(len(message.entries))
        held = taken(held, payload_of(message, is_16=False))
    return sizes


def test_after_the_largest_number_versions_begin_anew_with_a_whole_list() -> None:
    held = replace(holding("A", "B", "C"), last_version=LARGEST_VERSION)
    message = next_message(held, entries("A", "B"), Limits())
    assert message is not None
    assert (message.version, message.is_full) == (1, True)


VALUES = st.sets(st.sampled_from("ABCDEFGHIJKLMNOP"))


@given(
    held=VALUES,
    should=VALUES,
    is_known=st.booleans(),
    items=st.integers(1, 5),
    is_16=st.booleans(),
    length=st.integers(0, 16),
)
def test_an_update_always_ends_with_what_the_station_should_hold(
    held: set[str], should: set[str], is_known: bool, items: int, is_16: bool, length: int
) -> None:
    kind = None if is_16 else "ISO14443"
    has = {each: Entry(each, kind) for each in held}
    known = [token(each) for each in should]
    version = V16 if is_16 else V201
    aim = wanted(known, Limits(entries=length), version=version, now=NOW).entries
    books = Held(5, has, is_known=True, last_version=5) if is_known else Held(last_version=5)
    station = dict(has)
    version_of_station = 5
    for _ in range(40):
        message = next_message(books, aim, Limits(items=items))
        if message is None:
            break
        payload = payload_of(message, is_16=is_16)
        sent = payload["listVersion" if is_16 else "versionNumber"]
        assert sent > version_of_station, "a station refuses a version that does not rise"
        version_of_station = sent
        station = {} if message.is_full else station
        for entry, stays in message.entries:
            if stays:
                station[entry.key] = entry
            else:
                del station[entry.key]
        assert len(message.entries) <= items
        assert len(station) <= max(length, len(held)), "its list never grows beyond its length"
        books = taken(books, payload)
        assert books.entries == station
    assert station == aim


# ------------------------------------------------------------------------------------ writing


def test_an_entry_is_written_in_the_words_of_the_version() -> None:
    until = datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC)
    held = Held(1, entries("X"), is_known=True, last_version=1)
    both = {"Y": Entry("Y", "Central", group_id="G", expires_at=until), "Z": Entry("Z", "KeyCode")}
    third = entries("K", "L", "M")
    message = next_message(replace(held, entries={**held.entries, **third}), both | third, Limits())
    assert message is not None
    assert payload_of(message, is_16=False) == {
        "versionNumber": 2,
        "updateType": "Differential",
        "localAuthorizationList": [
            {"idToken": {"idToken": "X", "type": "ISO14443"}},
            {
                "idToken": {"idToken": "Y", "type": "Central"},
                "idTokenInfo": {
                    "status": "Accepted",
                    "groupIdToken": {"idToken": "G", "type": "Central"},
                    "cacheExpiryDateTime": "2026-12-31T23:59:59Z",
                },
            },
            {
                "idToken": {"idToken": "Z", "type": "KeyCode"},
                "idTokenInfo": {"status": "Accepted"},
            },
        ],
    }


def test_an_entry_of_1_6_has_no_types() -> None:
    known = [token("Y", group_id="G", valid_until=datetime(2026, 12, 31, tzinfo=UTC))]
    message = next_message(Held(), wanted(known, Limits(), version=V16, now=NOW).entries, Limits())
    assert message is not None
    info = {"status": "Accepted", "parentIdTag": "G", "expiryDate": "2026-12-31T00:00:00Z"}
    assert payload_of(message, is_16=True) == {
        "listVersion": 1,
        "updateType": "Full",
        "localAuthorizationList": [{"idTag": "Y", "idTagInfo": info}],
    }


# ------------------------------------------------------------------------------------ keeping


def test_what_somebody_else_sent_is_kept_too() -> None:
    sent = {
        "listVersion": 9,
        "updateType": "Differential",
        "localAuthorizationList": [
            {"idTag": "A"},
            {
                "idTag": "b",
                "idTagInfo": {"status": "Blocked", "expiryDate": "2026-05-01T00:00:00Z"},
            },
        ],
    }
    after = taken(holding("A", "C"), sent)
    assert (after.version, after.is_known, after.last_version) == (9, True, 9)
    assert set(after.entries) == {"B", "C"}
    assert after.entries["B"].status == "Blocked"
    assert after.entries["B"].expires_at == datetime(2026, 5, 1, tzinfo=UTC)


def test_a_differential_to_an_unknown_list_leaves_it_unknown() -> None:
    sent = {"versionNumber": 9, "updateType": "Differential"}
    after = taken(Held(), sent)
    assert (after.version, after.is_known) == (9, False)


@pytest.mark.parametrize(
    "listed", ["no list", ["no entry"], [{"idTag": 5}], [{"idTag": "A", "idTagInfo": "Accepted"}]]
)
def test_what_was_sent_past_the_schema_leaves_the_list_unknown(listed: object) -> None:
    sent = {"listVersion": 9, "updateType": "Full", "localAuthorizationList": listed}
    assert not taken(holding("A"), sent).is_known


def test_a_message_without_a_version_leaves_it_unknown() -> None:
    assert taken(holding("A"), {"updateType": "Full"}).version is None


@pytest.mark.parametrize(
    ("version", "is_known", "left"),
    [(3, True, {"A"}), (4, False, set()), (0, True, set()), (UNSUPPORTED, True, set())],
)
def test_the_version_that_a_station_names_shows_whether_it_still_has_our_list(
    version: int, is_known: bool, left: set[str]
) -> None:
    after = told(holding("A"), version)
    assert (after.version, after.is_known, set(after.entries)) == (version, is_known, left)
    assert after.last_version == max(3, version)


def test_a_difference_counts_what_is_added_changed_and_removed() -> None:
    found = difference(entries("A", "B", "C"), entries("C", "D") | entries("B", group_id="G"))
    assert (found.added, found.changed, found.removed, len(found)) == (["D"], ["B"], ["A"], 3)
