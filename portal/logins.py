"""Signing in and out by browser: cookies, and tokens that prove a form is ours.

The login's secret lies in a cookie that scripts cannot read. A form's token is a keyed hash of
that secret (or, before signing in, of a secret made for the form's cookie): another site can
neither read nor guess it, and it dies with the login.
"""

import base64
import hashlib
import hmac
import re
import secrets

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from accounts import audit
from accounts import sign_in as accounts_sign_in
from accounts.audit import Actor
from accounts.sign_in import CODE_WITHIN, LOGIN_LASTS, SignedIn
from foundation.errors import NotPermitted
from portal.context import context_of

LOGIN_COOKIE = "leitstand_login"
FORM_COOKIE = "leitstand_form"
"""Before signing in: what the sign-in form's token is bound to."""
CSRF_FIELD = "csrf"
CSRF_HEADER = "x-csrf-token"

_LONGEST_SECRET = 100


class ForeignForm(NotPermitted):
    """The form was not one that this browser got from us, or its login is over."""

    code = "foreign_form"

    def __init__(self) -> None:
        super().__init__("This form is out of date. Load the page again and repeat it.")


def login_secret(request: Request) -> str | None:
    """Return the secret of the browser's login, if it has one."""
    return _cookie(request, LOGIN_COOKIE)


def csrf_token(request: Request) -> str:
    """Return the token that every form of this browser's pages must carry.

    Without a login it belongs to the form's cookie; a browser without that gets one with the
    answer (`keep_form_cookie`).
    """
    is_signed_in = getattr(request.state, "caller", None) is not None
    return _token((login_secret(request) if is_signed_in else None) or _form_secret(request))


def require_own_form(request: Request, given: str | None) -> None:
    """Let an unsafe request by a browser pass only if it comes from our own page.

    Raises:
        ForeignForm: If the token is missing or another browser's, or another site sent it.
    """
    if request.headers.get("sec-fetch-site") in {"cross-site", "same-site"}:
        raise ForeignForm
    known = [
        secret
        for secret in (login_secret(request), _cookie(request, FORM_COOKIE))
        if secret is not None
    ]
    if given is None or not any(
        hmac.compare_digest(_token(secret).encode(), given.encode("utf-8", "surrogatepass"))
        for secret in known
    ):
        raise ForeignForm


def keep_form_cookie(request: Request, response: Response) -> None:
    """Give the browser the cookie that its forms' tokens belong to, if one was made for it."""
    secret = getattr(request.state, "new_form_secret", None)
    if secret is not None:
        response.set_cookie(
            FORM_COOKIE,
            secret,
            httponly=True,
            samesite="lax",
            secure=request.url.scheme == "https",
        )


async def sign_in(request: Request, *, name: str, password: str) -> SignedIn:
    """Open a login; the browser's earlier one ends. Hand the result to `remember`.

    Raises:
        TooManyAttempts: If the wait after earlier tries is not over.
        SignInRefused: If the name or the password is wrong.
    """
    context = context_of(request)
    signed_in = await accounts_sign_in.sign_in(
        context.database,
        name=name,
        password=password,
        address=_address(request),
        user_agent=request.headers.get("user-agent", ""),
        now=context.clock.now(),
        replaces=login_secret(request),
    )
    if not signed_in.awaits_code:
        await _note(request, signed_in)
    return signed_in


async def _note(request: Request, signed_in: SignedIn) -> None:
    """Write into the audit that somebody signed in, and from where."""
    context = context_of(request)
    person = signed_in.person
    async with context.database.unit_of_work() as db:
        await audit.record(
            db,
            Actor(f"person/{person.id}", person.name, "portal", _address(request) or None),
            "login.open",
            f"user/{person.id}",
            organisation=person.organisation,
            now=context.clock.now(),
        )


def _address(request: Request) -> str:
    return request.client.host if request.client is not None else ""


async def give_code(request: Request, *, code: str) -> SignedIn:
    """Finish signing in by the second factor. Hand the result to `remember`.

    Raises:
        SignInOver: If the browser has no login that awaits a code.
        TooManyAttempts: If the wait after earlier tries is not over.
        CodeRefused: If the code is wrong.
    """
    context = context_of(request)
    signed_in = await accounts_sign_in.give_code(
        context.database,
        context.sealer,
        secret=login_secret(request) or "",
        code=code,
        address=_address(request),
        now=context.clock.now(),
        mails=context.mails,
    )
    await _note(request, signed_in)
    return signed_in


def remember(request: Request, response: Response, signed_in: SignedIn) -> None:
    """Put the login's secret into the browser's cookie; the form's cookie has served."""
    response.set_cookie(
        LOGIN_COOKIE,
        signed_in.secret,
        max_age=int((CODE_WITHIN if signed_in.awaits_code else LOGIN_LASTS).total_seconds()),
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    response.delete_cookie(FORM_COOKIE)


async def sign_out(request: Request, db: AsyncSession, response: Response) -> None:
    """End the browser's login, here and there."""
    secret = login_secret(request)
    if secret is not None:
        await accounts_sign_in.sign_out(db, secret)
    response.delete_cookie(LOGIN_COOKIE)


def own_path(wanted: str | None, otherwise: str = "/") -> str:
    """Return where to go after signing in: a path of this site, never another one's address."""
    is_own = (
        wanted is not None
        and re.fullmatch(r"/(?![/\\])[!-\[\]-~]*", wanted) is not None
        and not wanted.startswith("/sign-")
    )
    return wanted if is_own and wanted is not None else otherwise


def _cookie(request: Request, name: str) -> str | None:
    value = request.cookies.get(name)
    return value if value and value.isascii() and len(value) <= _LONGEST_SECRET else None


def _form_secret(request: Request) -> str:
    secret = _cookie(request, FORM_COOKIE) or getattr(request.state, "new_form_secret", None)
    if secret is None:
        secret = request.state.new_form_secret = secrets.token_urlsafe(32)
    assert isinstance(secret, str)
    return secret


def _token(secret: str) -> str:
    digest = hmac.digest(secret.encode(), b"leitstand form", hashlib.sha256)
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
