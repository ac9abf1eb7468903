"""Every way that a command may go has its words."""

from collections.abc import Collection
from enum import StrEnum

import pytest

from csms.evidence import Shown
from csms.queue import FINAL, CommandState, Failure
from portal import command_words, vocabulary
from portal.pages.command_views import command_view
from portal.words import words
from tests.portal.some_commands import a_command


@pytest.mark.parametrize(
    ("known", "table"),
    [
        (CommandState, vocabulary.COMMAND_STATES),
        (CommandState, command_words.STEPS),
        (Shown, command_words.WAITS),
        (Shown, command_words.SHOWS),
        (Failure, command_words.FAILURES),
    ],
)
def test_every_value_has_its_words(known: type[StrEnum], table: Collection[str]) -> None:
    assert {each.value for each in known} <= {str(each) for each in table}


def test_every_bad_ending_is_explained_and_the_good_one_needs_no_words() -> None:
    for state in FINAL - {CommandState.FAILED}:
        explained = command_view(a_command(state), words("en")).outcome
        assert bool(explained) is (state is not CommandState.EFFECTIVE)


@pytest.mark.parametrize("language", ["en", "de"])
def test_a_stations_own_word_is_never_shown_without_its_meaning(language: str) -> None:
    said = words(language)
    rejected = a_command(CommandState.REJECTED, answer={"status": "Occupied"})
    assert command_view(rejected, said).said == said.gettext("The connector is in use.")
    odd = a_command(CommandState.REJECTED, answer={"status": "Moody"})
    assert "Moody" in command_view(odd, said).said
    assert command_view(odd, said).said != "Moody"
    errors = a_command(
        CommandState.FAILED, failure=Failure.CALL_ERROR, answer={"error_code": "NotImplemented"}
    )
    assert command_view(errors, said).said == said.gettext("It does not know this command.")
    fine = a_command(CommandState.EFFECTIVE, answer={"status": "Accepted"})
    assert command_view(fine, said).said == ""
