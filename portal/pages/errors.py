"""What a person sees when something is refused or went wrong: what it is and what to do next."""

import re
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from accounts.permissions import Permission
from portal import rights
from portal.guard import SecondFactorDue
from portal.pages.surroundings import bare_frame
from portal.problems import Problem
from portal.rendering import render
from portal.words import Words, marked

_SAID: dict[int, tuple[str, str]] = {
    400: (marked("That was not understood"), marked("Go back, load the page again and repeat it.")),
    401: (marked("Please sign in"), marked("Your login is over, or there was none.")),
    403: (
        marked("You may not do this"),
        marked("Your rights do not include it. An administrator of your organisation can help."),
    ),
    404: (
        marked("There is no such page"),
        marked("It may have been moved, or it is not yours to see. Check the address, or search."),
    ),
    405: (marked("That is not possible here"), marked("Go back and use the buttons of the page.")),
    409: (
        marked("Somebody was faster"),
        marked("The thing has changed in the meantime. Look at it again before you repeat it."),
    ),
    413: (marked("That is too large"), marked("Send a smaller file, or several.")),
    422: (marked("Something in the request is wrong"), marked("What is wrong is named below.")),
    429: (
        marked("Too many tries"),
        marked("Wait a little, then try again. The wait grows with every wrong try."),
    ),
    500: (
        marked("Something went wrong on our side"),
        marked("Nothing of what you entered was half done. Try again in a while."),
    ),
    503: (
        marked("A part of the system is away"),
        marked("It is usually back within a minute. Stations keep what they have to report."),
    ),
}


def _told(problem: Problem, said: Words) -> str:
    """What the refusal says; which right is missing is told by its name."""
    missing = re.fullmatch(r"This needs the permission '([a-z_.]+)'.*", problem.detail)
    if missing and missing[1] in {each.value for each in Permission}:
        return said.gettext("The right “%(label)s” (%(key)s) is missing.") % {
            "label": rights.label(Permission(missing[1]), said),
            "key": missing[1],
        }
    return said.gettext(problem.detail)


def error_page(request: Request, problem: Problem) -> Response:
    """Answer a refusal with a page in the reader's language."""
    if problem.code == SecondFactorDue.code:
        return RedirectResponse("/account/second-factor", status_code=303)
    frame = bare_frame(request)
    title, text = _SAID.get(problem.status, (HTTPStatus(problem.status).phrase, ""))
    said = frame.words
    # Facts of the refusal are shown where the person can act on them; a 404 never says more.
    details = [_told(problem, said)] if problem.status in {400, 403, 409, 422} else []
    again = frame.path if problem.status in {429, 500, 503} and request.method == "GET" else None
    return HTMLResponse(
        render(
            frame,
            "error.html",
            {
                "problem": problem,
                "title": said.gettext(title),
                "text": said.gettext(text),
                "details": details,
                "again": again,
            },
        ),
        status_code=problem.status,
        headers=dict(problem.headers),
    )
