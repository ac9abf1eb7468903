"""Commands as pages show them: who asked, every step with its moment, and how it ended in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from csms.evidence import rule_of
from csms.queue import Command, CommandState, Failure
from csms.reports import OcppVersion
from portal import buttons, command_words, formats
from portal.words import Words

RECENT = timedelta(minutes=15)
"""For how long a command that is over stays beside its button."""


@dataclass(frozen=True, slots=True)
class CommandStep:
    """One step; `tone` is done, doing or failed. A step that goes on has no moment."""

    tone: str
    word: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CommandView:
    """One command. `about` says on what it acts; `outcome` how it ended, empty while it goes on."""

    id: str
    title: str
    about: str
    station: str
    state: str
    asked_at: datetime
    asked_by: str
    is_own: bool
    why: str
    steps: tuple[CommandStep, ...]
    is_final: bool
    is_good: bool
    outcome: str
    advice: str
    said: str
    meaning: str
    can_be_cancelled: bool
    transaction_id: str
    change_order: str
    expires_at: datetime | None
    action: str
    payload: Mapping[str, Any]
    answer: Mapping[str, Any] | None
    raw: bool


def command_view(
    command: Command, said: Words, *, asker: str = "", may_ask: bool = True, names: bool = True
) -> CommandView:
    """Return a command in the reader's words.

    Args:
        command: What was asked for.
        said: The reader's language.
        asker: Who reads, as `asked_by` names him: his own commands are "asked by you".
        may_ask: Whether he may cancel what waits.
        names: Whether he may read the names of people.
    """
    command = _as_of_its_state(command)
    reason = _ending(command)
    says = _station_says(command, said)
    evse_id = buttons.evse_of(command.payload)
    waits = command.state is CommandState.QUEUED
    return CommandView(
        id=command.id,
        title=said.gettext(buttons.title_of(command.action, command.payload)),
        about="" if evse_id is None else said.gettext("EVSE %(number)s") % {"number": evse_id},
        station=str(command.station),
        state=command.state.value,
        asked_at=command.asked_at,
        asked_by=command.asked_by_name if names else "****",
        is_own=bool(asker) and command.asked_by == asker,
        why=said.gettext(command_words.REASONS.get(command.reason, command.reason)),
        steps=_steps(command, said),
        is_final=command.is_final,
        is_good=command.state is CommandState.EFFECTIVE,
        outcome="" if reason is None else said.gettext(reason.name),
        # What the station itself said is worth more than what it usually means.
        advice="" if reason is None or says else said.gettext(reason.advice),
        said=says,
        meaning=said.gettext(command_words.SHOWS[_rule(command).shown]),
        can_be_cancelled=waits and may_ask,
        transaction_id="" if command.transaction_id is None else str(command.transaction_id),
        change_order=command.change_order or "",
        expires_at=command.expires_at if waits else None,
        action=command.action,
        payload=command.payload,
        answer=command.answer,
        raw=command.raw,
    )


def _as_of_its_state(command: Command) -> Command:
    """Leave out steps that came while the command was being read: they are told next time."""
    known = list(command.transitions)
    while known and known[-1].state is not command.state:
        known.pop()
    return replace(command, transitions=tuple(known))


def _rule(command: Command) -> Any:
    return rule_of(OcppVersion(f"ocpp{command.version}"), command.action)


def _ending(command: Command) -> Any:
    if command.state is CommandState.FAILED:
        failure = command.failure or Failure.NO_EFFECT
        return command_words.FAILURES[failure]
    note = command.transitions[-1].note if command.transitions else None
    if command.state is CommandState.EXPIRED and note and "after an outage" in note:
        return command_words.OVERTAKEN
    return command_words.ENDINGS.get(command.state)


def _steps(command: Command, said: Words) -> tuple[CommandStep, ...]:
    done: list[CommandStep] = []
    before = CommandState.QUEUED
    for each in command.transitions[1:]:
        tone, word = _step(each.state, before, each.note or "")
        before = each.state
        done.append(CommandStep(tone, said.gettext(word), each.at))
    if not command.is_final:
        done.append(CommandStep("doing", _wait(command, said)))
    return tuple(done)


def _step(state: CommandState, before: CommandState, note: str) -> tuple[str, str]:
    """Return the tone and the word of a step; one into the same state tells what came since."""
    if state is CommandState.SENT and before is CommandState.SENT:
        return "failed", command_words.LOST
    if state is CommandState.QUEUED:
        runs_on = "until the transaction ends" in note
        return "failed", command_words.NOT_ENDED_YET if runs_on else command_words.ASKED_AGAIN
    if state is CommandState.FAILED and before is CommandState.FAILED:
        return "done", command_words.ANSWERED_LATE
    if state is CommandState.EFFECTIVE and before is CommandState.FAILED:
        return "done", command_words.SEEN_LATE
    return "failed" if state in _BAD else "done", command_words.STEPS[state]


_BAD = {
    CommandState.REJECTED,
    CommandState.FAILED,
    CommandState.EXPIRED,
    CommandState.CANCELLED,
}


def _wait(command: Command, said: Words) -> str:
    match command.state:
        case CommandState.QUEUED if command.when_offline == "queue":
            return said.gettext("waiting for the station to be back")
        case CommandState.QUEUED:
            return said.gettext("waiting its turn")
        case CommandState.SENT if not _is_lost(command):
            return said.gettext("waiting for the answer")
        case state:
            rule = _rule(command)
            time = formats.duration(timedelta(seconds=rule.timeout_s), said.locale)
            is_lost = state is CommandState.SENT
            words = command_words.LOOKING if is_lost else command_words.WAITS[rule.shown]
            return said.gettext(words) % {"time": time}


def _is_lost(command: Command) -> bool:
    """Tell whether a sent command lost its connection: it is in that state for the second time."""
    return [each.state for each in command.transitions[-2:]] == [CommandState.SENT] * 2


def _station_says(command: Command, said: Words) -> str:
    """Return the station's own words with their meaning, where they say more than yes."""
    word = _word(command.answer)
    note = command.transitions[-1].note if command.transitions else None
    if command.state is CommandState.EFFECTIVE:
        return said.gettext(command_words.ANSWERS[word]) if word in _LATER else ""
    if word in ("", "Accepted", "Unlocked"):
        # What its answer does not tell may stand in what it reported since.
        last = (note or "").split(":")[0].strip()
        return said.gettext(command_words.ANSWERS[last]) if last in command_words.ANSWERS else ""
    if word in command_words.ANSWERS:
        return said.gettext(command_words.ANSWERS[word])
    return said.gettext("It said: “%(words)s”.") % {"words": word}


_LATER = {"Scheduled", "RebootRequired", "AcceptedCanceled"}


def _word(answer: Mapping[str, Any] | None) -> str:
    if answer is None:
        return ""
    found = answer.get("status", answer.get("error_code", ""))
    for name, inner in (("setVariableResult", "attributeStatus"),):
        if isinstance(answer.get(name), list) and answer[name]:
            first = answer[name][0]
            found = first.get(inner, "") if isinstance(first, Mapping) else ""
    return found if isinstance(found, str) else ""


# ------------------------------------------------------------------------------------ places

STATION = "station"


def place_of_evse(evse_id: int) -> str:
    """Return the name of the place on a page where commands to an EVSE unfold."""
    return f"evse-{evse_id}"


def by_place(
    found: Sequence[Command],
    now: datetime,
    evses: Mapping[int | str, int],
    *,
    shown: str = "",
    each_at_most: int = 2,
) -> dict[str, list[Command]]:
    """Sort a station's commands, the newest first, to the places where their buttons stand.

    Args:
        found: The commands, the newest first.
        now: The moment.
        evses: The EVSE of a transaction, by our id and by the station's own.
        shown: The id of one that is shown whatever its age.
        each_at_most: How many at one place.
    """
    places: dict[str, list[Command]] = {}
    for each in found:
        last = each.transitions[-1].at if each.transitions else each.asked_at
        if each.is_final and now - last > RECENT and each.id != shown:
            continue
        evse_id = buttons.evse_of(each.payload)
        if evse_id is None and buttons.button_of(each.action, each.payload) == "stop":
            evse_id = evses.get(each.payload.get("transactionId", ""))
        at = places.setdefault(STATION if evse_id is None else place_of_evse(evse_id), [])
        if len(at) < each_at_most:
            at.append(each)
    return places
