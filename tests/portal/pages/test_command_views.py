"""Commands in words: what was done, what is waited for, and where it is shown."""

from dataclasses import replace
from datetime import timedelta

import pytest

from csms.queue import CommandState, Transition
from portal.pages.command_views import by_place, command_view
from portal.words import words
from tests.portal.some_commands import NOON, a_command

ENGLISH = words("en")
QUEUED, SENT = CommandState.QUEUED, CommandState.SENT
FAILED, EFFECTIVE = CommandState.FAILED, CommandState.EFFECTIVE


def test_the_steps_tell_what_was_done_and_what_is_waited_for() -> None:
    shown = command_view(a_command(CommandState.ACCEPTED), ENGLISH)
    assert [(step.tone, step.word) for step in shown.steps] == [
        ("done", "sent"),
        ("done", "accepted"),
        ("doing", "waiting for the station to boot (up to 10\xa0min)"),
    ]
    assert not shown.is_final
    waits = command_view(a_command(CommandState.QUEUED, when_offline="queue"), ENGLISH)
    assert waits.steps[-1].word == "waiting for the station to be back"
    assert waits.can_be_cancelled
    assert not command_view(a_command(CommandState.QUEUED), ENGLISH, may_ask=False).can_be_cancelled


def test_ones_own_command_is_ones_own_and_names_may_be_hidden() -> None:
    command = a_command(CommandState.EFFECTIVE)
    assert command_view(command, ENGLISH, asker="person/3").is_own
    shown = command_view(command, ENGLISH, asker="person/4", names=False)
    assert (shown.is_own, shown.asked_by) == (False, "****")


def test_commands_stand_where_their_buttons_are_while_they_are_fresh() -> None:
    unlock = a_command(CommandState.EFFECTIVE, "UnlockConnector", {"connectorId": 2}, number=5)
    stop = a_command(CommandState.SENT, "RemoteStopTransaction", {"transactionId": 12}, number=4)
    reset = a_command(CommandState.ACCEPTED, number=3)
    old = a_command(CommandState.EFFECTIVE, number=2, asked_at=NOON - timedelta(hours=1))
    found = by_place([unlock, stop, reset, old], NOON, {12: 1})
    assert {place: [each.id for each in those] for place, those in found.items()} == {
        "evse-2": ["5"],
        "evse-1": ["4"],
        "station": ["3"],
    }
    assert [each.id for each in by_place([old], NOON, {}, shown="2")["station"]] == ["2"]


def test_a_place_shows_only_the_newest() -> None:
    many = [a_command(CommandState.SENT, number=number) for number in range(9, 0, -1)]
    assert [each.id for each in by_place(many, NOON, {})["station"]] == ["9", "8"]


@pytest.mark.parametrize(
    ("states", "words"),
    [
        (
            [(SENT, None), (SENT, "the connection was lost …; the outcome is unknown")],
            [
                "sent",
                "connection lost before the answer",
                "looking for signs that it was done (up to 10\xa0min)",
            ],
        ),
        (
            [(SENT, None), (QUEUED, "the connection was lost before the answer; asked again")],
            ["sent", "connection lost before the answer, asked again", "waiting its turn"],
        ),
        (
            [(SENT, None), (QUEUED, "no_effect; asked again until the transaction ends")],
            ["sent", "the session runs on, asked again", "waiting its turn"],
        ),
        (
            [(SENT, None), (FAILED, "no answer in time"), (FAILED, "late answer: yes")],
            ["sent", "failed", "answered after all"],
        ),
        (
            [(SENT, None), (FAILED, "no answer in time"), (EFFECTIVE, "late evidence")],
            ["sent", "failed", "done, seen late"],
        ),
    ],
)
def test_what_came_since_stands_in_words(
    states: list[tuple[CommandState, str | None]], words: list[str]
) -> None:
    path = [Transition(QUEUED, NOON), *(Transition(state, NOON, note) for state, note in states)]
    command = replace(a_command(states[-1][0]), transitions=tuple(path))
    assert [step.word for step in command_view(command, ENGLISH).steps] == words


def test_what_was_overtaken_by_an_outage_says_so() -> None:
    path = (
        Transition(QUEUED, NOON),
        Transition(
            CommandState.EXPIRED, NOON, "the connection ended; it is never sent after an outage"
        ),
    )
    command = replace(a_command(CommandState.EXPIRED), transitions=path)
    assert "never sent later" in command_view(command, ENGLISH).advice
