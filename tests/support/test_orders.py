"""What makes an order, and what it covers."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.errors import InvalidInput
from foundation.identifiers import OrganisationKey, StationId
from support.orders import (
    LARGEST_MAIL,
    Confirmer,
    Difference,
    How,
    Item,
    ItemKind,
    NotAuthorised,
    Order,
    OrderState,
    Refusal,
    Use,
    UseState,
    WrittenOrder,
    WrittenOrderMissing,
    WrongOrderState,
    canonical,
    check_items,
    check_mail,
    check_withdrawal,
    confirmation,
    differences,
    place_of,
    refusal,
    result,
    use_after,
)

NOW = datetime(2026, 10, 15, 12, tzinfo=UTC)
OWNER, OTHER = OrganisationKey("north"), OrganisationKey("south")
N1, N2 = StationId("N-1"), StationId("N-2")
PAYLOAD = {"key": "HeartbeatInterval", "value": "600"}
COMMAND = Item(ItemKind.COMMAND, "ChangeConfiguration", PAYLOAD)
TARIFF = Item(ItemKind.TARIFF, text="0.52 per kWh from November")
DRAFT = Order(
    organisation=OWNER,
    state=OrderState.DRAFT,
    stations=frozenset({N1, N2}),
    items=(COMMAND, TARIFF),
)
CONFIRMED = replace(DRAFT, state=OrderState.CONFIRMED, valid_to=NOW + timedelta(days=1))
MAIL = WrittenOrder("order.eml", "message/rfc822", b"Subject: please", "Re: interval")
STAFF = Confirmer(OrganisationKey("operator"), may_confirm=True, may_write=True)
AUTHORISED = Confirmer(OWNER, may_confirm=True, may_write=False)


def refused(order: Order = CONFIRMED, uses: list[Use] | None = None, **said: Any) -> Refusal | None:
    asked: dict[str, Any] = {
        "station": N1,
        "owner": OWNER,
        "action": "ChangeConfiguration",
        "payload": PAYLOAD,
        "now": NOW,
        **said,
    }
    return refusal(order, uses or [], **asked)


# ------------------------------------------------------------------------------ confirming


def test_an_authorised_person_of_the_owner_confirms_without_a_mail() -> None:
    assert confirmation(DRAFT, AUTHORISED, None, now=NOW) is How.AUTHORISED


def test_staff_confirms_for_another_organisation_only_with_its_mail() -> None:
    assert confirmation(DRAFT, STAFF, MAIL, now=NOW) is How.MAIL
    with pytest.raises(WrittenOrderMissing):
        confirmation(DRAFT, STAFF, None, now=NOW)


def test_the_right_to_confirm_counts_only_in_the_owners_organisation() -> None:
    stranger = replace(AUTHORISED, organisation=OTHER)
    with pytest.raises(NotAuthorised):
        confirmation(DRAFT, stranger, MAIL, now=NOW)
    with pytest.raises(NotAuthorised):
        confirmation(DRAFT, replace(AUTHORISED, may_confirm=False), None, now=NOW)


@pytest.mark.parametrize(
    "state", sorted(set(OrderState) - {OrderState.DRAFT, OrderState.REQUESTED})
)
def test_only_a_draft_can_be_confirmed(state: OrderState) -> None:
    with pytest.raises(WrongOrderState):
        confirmation(replace(DRAFT, state=state), AUTHORISED, None, now=NOW)
    asked = replace(DRAFT, state=OrderState.REQUESTED)
    assert confirmation(asked, AUTHORISED, None, now=NOW) is How.AUTHORISED


def test_a_draft_whose_validity_is_over_cannot_be_confirmed() -> None:
    over = replace(DRAFT, valid_to=NOW)
    with pytest.raises(InvalidInput):
        confirmation(over, AUTHORISED, None, now=NOW)
    assert confirmation(over, AUTHORISED, None, now=NOW - timedelta(seconds=1))


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (replace(MAIL, reference=" "), "reference"),
        (replace(MAIL, content=b""), "mail"),
        (replace(MAIL, content=bytes(LARGEST_MAIL + 1)), "mail"),
        (replace(MAIL, media_type="text/html"), "mail"),
    ],
)
def test_a_mail_on_file_has_content_a_known_type_and_a_reference(
    wrong: WrittenOrder, field: str
) -> None:
    check_mail(MAIL)
    check_mail(replace(MAIL, content=bytes(LARGEST_MAIL)))
    with pytest.raises(InvalidInput) as caught:
        confirmation(DRAFT, STAFF, wrong, now=NOW)
    assert caught.value.field == field


# ------------------------------------------------------------------------------ covering


def test_a_confirmed_order_covers_exactly_what_it_names() -> None:
    assert refused() is None
    assert refused(payload={"value": "600", "key": "HeartbeatInterval"}) is None
    assert refused(station=StationId("N-3")) is Refusal.OTHER_STATION
    assert refused(action="Reset") is Refusal.OTHER_ACTION
    assert refused(payload={**PAYLOAD, "value": "601"}) is Refusal.OTHER_PAYLOAD
    assert refused(payload={**PAYLOAD, "x": 1}) is Refusal.OTHER_PAYLOAD


def test_a_draft_has_no_effect() -> None:
    assert refused(DRAFT) is Refusal.NOT_CONFIRMED
    assert refused(replace(DRAFT, state=OrderState.REQUESTED)) is Refusal.NOT_CONFIRMED


def test_an_order_covers_nothing_after_its_validity_or_its_end() -> None:
    assert CONFIRMED.valid_to is not None
    assert refused(now=CONFIRMED.valid_to) is Refusal.EXPIRED
    assert refused(now=CONFIRMED.valid_to - timedelta(microseconds=1)) is None
    assert refused(replace(CONFIRMED, state=OrderState.EXPIRED)) is Refusal.EXPIRED
    for state in (OrderState.EXECUTED, OrderState.FAILED, OrderState.WITHDRAWN):
        assert refused(replace(CONFIRMED, state=state)) is Refusal.ENDED


def test_an_order_does_not_follow_a_station_to_its_next_owner() -> None:
    assert refused(owner=OTHER) is Refusal.OTHER_OWNER


def test_each_item_is_carried_out_once_per_station_unless_stated() -> None:
    done = [Use(0, N1, UseState.DONE)]
    assert refused(uses=done) is Refusal.USED
    assert refused(uses=[Use(0, N1, UseState.OPEN)]) is Refusal.USED
    assert refused(uses=[Use(0, N1, UseState.NOT_DONE)]) is Refusal.USED
    assert refused(uses=done, station=N2) is None
    assert refused(replace(CONFIRMED, repeatable=True), done) is None


def test_what_never_reached_the_station_may_be_tried_again() -> None:
    assert refused(uses=[Use(0, N1, UseState.UNUSED)]) is None


# ------------------------------------------------------------------------------ the result


def test_an_order_ends_when_everything_was_tried_everywhere() -> None:
    both = [Use(place, station, UseState.DONE) for place in (0, 1) for station in (N1, N2)]
    assert result(CONFIRMED, both[:3]) is None
    assert result(CONFIRMED, both) is OrderState.EXECUTED
    assert result(CONFIRMED, [*both[:3], Use(1, N2, UseState.OPEN)]) is None
    assert result(CONFIRMED, [*both[:3], Use(1, N2, UseState.UNUSED)]) is None
    assert result(CONFIRMED, [*both[:3], Use(1, N2, UseState.NOT_DONE)]) is OrderState.FAILED
    assert result(replace(CONFIRMED, repeatable=True), both) is None


def test_an_order_that_is_under_way_or_over_cannot_be_withdrawn() -> None:
    check_withdrawal(DRAFT, [])
    check_withdrawal(CONFIRMED, [Use(0, N1, UseState.DONE)])
    with pytest.raises(WrongOrderState):
        check_withdrawal(CONFIRMED, [Use(0, N1, UseState.OPEN)])
    with pytest.raises(WrongOrderState):
        check_withdrawal(replace(CONFIRMED, state=OrderState.EXECUTED), [])


@pytest.mark.parametrize(
    ("state", "use"),
    [
        ("queued", UseState.OPEN),
        ("sent", UseState.OPEN),
        ("accepted", UseState.OPEN),
        ("effective", UseState.DONE),
        ("rejected", UseState.NOT_DONE),
        ("failed", UseState.NOT_DONE),
        ("expired", UseState.UNUSED),
        ("cancelled", UseState.UNUSED),
    ],
)
def test_a_command_tells_what_became_of_an_item(state: str, use: UseState) -> None:
    assert use_after(state) is use


# ------------------------------------------------------------------------------ comparing

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.text(max_size=3), JSON, max_size=4)


@given(OBJECTS)
def test_the_order_of_keys_does_not_matter(payload: dict[str, Any]) -> None:
    turned = dict(reversed(list(payload.items())))
    assert canonical(payload) == canonical(turned)


@given(OBJECTS, OBJECTS)
def test_different_payloads_have_different_texts(
    left: dict[str, Any], right: dict[str, Any]
) -> None:
    # JSON tells true from 1, Python does not; so equality is asked of a text that does.
    assert (canonical(left) == canonical(right)) == (repr_of(left) == repr_of(right))


def repr_of(value: Any) -> Any:
    if isinstance(value, dict):
        return ("object", tuple(sorted((key, repr_of(each)) for key, each in value.items())))
    if isinstance(value, list):
        return ("array", tuple(repr_of(each) for each in value))
    return (type(value).__name__, repr(value))


def test_numbers_are_compared_by_their_value() -> None:
    assert canonical({"x": 1.0}) == canonical({"x": Decimal("1.00")}) == canonical({"x": 1})
    assert canonical({"x": 0.1}) == canonical({"x": Decimal("0.10")})
    assert canonical({"x": 0.1}) != canonical({"x": "0.1"})
    assert canonical({"x": 0.1}) != canonical({"x": 0.2})
    assert canonical({"x": True}) != canonical({"x": 1})


def test_a_command_finds_its_item() -> None:
    assert place_of(CONFIRMED, "ChangeConfiguration", PAYLOAD) == 0
    assert place_of(CONFIRMED, "ChangeConfiguration", {}) is None


@pytest.mark.parametrize(
    ("items", "field"),
    [
        ([], "changes"),
        ([Item(ItemKind.COMMAND, "ClearCache")], "changes.0"),
        ([Item(ItemKind.COMMAND, None, {})], "changes.0"),
        ([COMMAND, Item(ItemKind.TARIFF, text=" ")], "changes.1.text"),
        ([Item(ItemKind.OTHER, "Reset", {}, "x")], "changes.0"),
        ([COMMAND, COMMAND], "changes"),
    ],
)
def test_items_say_what_is_to_change(items: list[Item], field: str) -> None:
    check_items([COMMAND, TARIFF])
    with pytest.raises(InvalidInput) as caught:
        check_items(items)
    assert caught.value.field == field


# ------------------------------------------------------------------------------ the difference


def test_the_difference_of_a_key() -> None:
    known = {"HeartbeatInterval": "300"}
    assert differences(COMMAND, known) == (Difference("HeartbeatInterval", "300", "600"),)
    assert differences(COMMAND, {}) == (Difference("HeartbeatInterval", None, "600"),)
    assert differences(TARIFF, known) == ()


def test_the_difference_of_variables() -> None:
    payload = {
        "setVariableData": [
            {
                "component": {"name": "Connector", "evse": {"id": 1, "connectorId": 2}},
                "variable": {"name": "Enabled"},
                "attributeValue": "false",
            },
            {
                "component": {"name": "TxCtrlr", "instance": "a"},
                "variable": {"name": "Limit", "instance": "b"},
                "attributeType": "Target",
                "attributeValue": "7",
            },
        ]
    }
    found = differences(
        Item(ItemKind.COMMAND, "SetVariables", payload), {"Connector[1,2].Enabled": "true"}
    )
    assert found == (
        Difference("Connector[1,2].Enabled", "true", "false"),
        Difference("TxCtrlr[a].Limit[b] (Target)", None, "7"),
    )


def test_the_difference_of_firmware_and_of_anything_else() -> None:
    update = Item(ItemKind.COMMAND, "UpdateFirmware", {"location": "https://maker.example/2.bin"})
    assert differences(update, {"firmware": "1.9"}) == (
        Difference("firmware", "1.9", "https://maker.example/2.bin"),
    )
    later = Item(
        ItemKind.COMMAND, "UpdateFirmware", {"firmware": {"location": "https://maker.example/3"}}
    )
    assert differences(later, {})[0].new == "https://maker.example/3"
    clear = Item(ItemKind.COMMAND, "ClearChargingProfile", {"id": 3, "purpose": "TxProfile"})
    assert differences(clear, {}) == (
        Difference("id", None, "3"),
        Difference("purpose", None, "TxProfile"),
    )


@given(
    action=st.sampled_from(["SetVariables", "UpdateFirmware", "ChangeConfiguration"]),
    payload=OBJECTS,
)
def test_a_payload_of_any_shape_has_a_difference(action: str, payload: dict[str, Any]) -> None:
    for name in ("setVariableData", "firmware"):
        for inner in payload.values():
            differences(Item(ItemKind.COMMAND, action, {name: inner}), {})
            differences(Item(ItemKind.COMMAND, action, {name: [payload, inner]}), {})
