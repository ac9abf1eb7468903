"""What first aid tried, in lines: for the technician's package, and for his page."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from portal import formats
from portal.vocabulary import FIRST_AID_OUTCOMES, FIRST_AID_RESULTS, FIRST_AID_STEPS
from portal.words import Words
from support.first_aid import Run


def trail(runs: Sequence[Run], zone: ZoneInfo, said: Words) -> list[str]:
    """Return a line for each step that was tried, the oldest first: when, what, with which effect.

    Of each fault the last line says how its first aid ended.

    Args:
        runs: The newest first.
        zone: In which the moments are written.
        said: The reader's words.
    """
    lines = []
    for run in reversed(runs):
        place = run.station if not run.evse_id else f"{run.station}/{run.evse_id}"
        for each in run.tried:
            at = formats.exact_moment(each.asked_at, zone, said.locale)
            result = FIRST_AID_RESULTS[each.result or "under_way"].word
            line = f"{at} {place}: {said.gettext(FIRST_AID_STEPS[each.step])}"
            line += f" – {said.gettext(result)}"
            if each.command_id is not None:
                number = said.gettext("Command %(number)s") % {"number": each.command_id}
                line += f" ({number})"
            lines.append(line)
        if run.tried and run.outcome is not None:
            lines.append(f"{place}: {said.gettext(FIRST_AID_OUTCOMES[run.outcome].word)}")
    return lines
