"""Every state and reason of support has its words."""

from portal import support_words, vocabulary
from support.calls import CallOutcome, NoteKind
from support.orders import ItemKind, OrderState, UseState
from support.starts import StartOutcome
from support.tickets import TicketNoteKind, TicketState
from support.topics import Topic


def test_every_state_and_kind_has_its_word() -> None:
    for table, kinds in (
        (support_words.TICKET_STATES, TicketState),
        (support_words.ORDER_STATES, OrderState),
        (support_words.USE_STATES, UseState),
        (support_words.CALL_OUTCOMES, CallOutcome),
        (support_words.NOTE_KINDS, NoteKind),
        (support_words.CHANGE_KINDS, ItemKind),
        (support_words.TOPICS, Topic),
        (support_words.START_MARKS, StartOutcome),
    ):
        assert list(table) == [str(each) for each in kinds], kinds
    assert set(support_words.TICKET_NOTES) == {str(each) for each in TicketNoteKind}


def test_every_failed_start_says_why() -> None:
    good = {"charged", "charging", "beginning"}
    assert set(support_words.START_REASONS) == set(support_words.START_MARKS) - good


def test_every_status_of_a_token_is_told() -> None:
    assert set(vocabulary.TOKEN_STATES) | {"unknown"} == set(support_words.TOKEN_ANSWERS)
