"""Who may connect: the path, the offer, the password."""

import base64
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.admission import (
    Admitted,
    Refusal,
    admit,
    credentials_of,
    identity_of,
    version_of,
)
from csms.passwords import password_record
from csms.reports import OcppVersion
from csms.security_profiles import BELOW, PLAIN, Line, Shown
from csms.store import Access
from foundation.identifiers import StationId


@pytest.mark.parametrize(
    ("path", "identity"),
    [
        ("/CS-1", "CS-1"),
        ("/ocpp/CS-1", "CS-1"),
        ("/ocpp/CS-1/", "CS-1"),
        ("//ocpp//CS-1", "CS-1"),
        ("/ocpp/CS-1?token=1", "CS-1"),
        ("/ocpp/a%2Fb", "a/b"),
        ("/ocpp/a%20b", "a b"),
        ("/ocpp/a+b", "a+b"),
        ("/ocpp/%C3%A4", "ä"),
        ("/ocpp/%252F", "%2F"),
        ("/ocpp/" + "x" * 48, "x" * 48),
        ("/ocpp/" + "%C3%A4" * 48, "ä" * 48),
        ("/...", "..."),
    ],
)
def test_the_identity_is_the_last_segment_decoded_once(path: str, identity: str) -> None:
    assert identity_of(path) == identity


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 404),
        ("", 404),
        ("///", 404),
        ("/?x=CS-1", 404),
        ("/" + "x" * 49, 404),
        ("/" + "x" * 300, 404),
        ("/ocpp/..", 400),
        ("/ocpp/.", 400),
        ("/ocpp/%2E%2E", 400),
        ("/ocpp/a%00b", 400),
        ("/ocpp/a%0Ab", 400),
        ("/ocpp/%FF", 400),
        ("/ocpp/%C3", 400),
    ],
)
def test_a_path_without_an_identity_is_refused_with_the_reason(path: str, status: int) -> None:
    refusal = identity_of(path)
    assert isinstance(refusal, Refusal)
    assert refusal.status == status
    assert refusal.text


@given(st.text(min_size=1, max_size=48))
def test_every_printable_identity_is_found_again_in_its_path(identity: str) -> None:
    try:
        path = "/ocpp/" + quote(identity, safe="")
    except UnicodeEncodeError:
        return  # no text at all
    found = identity_of(path)
    if identity.isprintable() and identity not in (".", ".."):
        assert found == identity
    else:
        assert isinstance(found, Refusal)


@given(st.text())
def test_any_path_is_an_identity_or_a_refusal(path: str) -> None:
    assert isinstance(identity_of("/" + quote(path)), str | Refusal)


# ------------------------------------------------------------------------------- the version


@pytest.mark.parametrize(
    ("offered", "spoken"),
    [
        (["ocpp1.6"], ("ocpp1.6", OcppVersion.V16)),
        (["ocpp2.0.1", "ocpp1.6"], ("ocpp2.0.1", OcppVersion.V201)),
        (["ocpp1.6", "ocpp2.1"], ("ocpp1.6", OcppVersion.V16)),
        (["ocpp0.1", "ocpp2.1"], ("ocpp2.1", OcppVersion.V21)),
        (["OCPP1.6"], ("OCPP1.6", OcppVersion.V16)),
        ([" ocpp2.0.1 "], (" ocpp2.0.1 ", OcppVersion.V201)),
    ],
)
def test_the_first_offer_that_we_speak_wins_and_is_echoed_as_written(
    offered: list[str], spoken: tuple[str, OcppVersion]
) -> None:
    assert version_of(offered) == spoken


@pytest.mark.parametrize("offered", [[], ["ocpp0.1"], ["ocpp1.5", "mqtt"], ["ocpp1.6j"], [""]])
def test_no_offer_that_we_speak_is_none(offered: list[str]) -> None:
    assert version_of(offered) is None


# --------------------------------------------------------------------------- the credentials


def basic(pair: bytes) -> str:
    return "Basic " + base64.b64encode(pair).decode()


@pytest.mark.parametrize(
    ("header", "found"),
    [
        (basic(b"CS-1:secret"), ("CS-1", b"secret")),
        (basic(b"CS-1:with:colons"), ("CS-1", b"with:colons")),
        (basic(b"CS-1:"), ("CS-1", b"")),
        (basic(b"CS-1:\x00\xff"), ("CS-1", b"\x00\xff")),
        (basic(b":secret"), ("", b"secret")),
        ("  bAsIc   " + base64.b64encode(b"a:b").decode() + " ", ("a", b"b")),
    ],
)
def test_user_and_password_are_read_as_bytes(header: str, found: tuple[str, bytes]) -> None:
    assert credentials_of(header) == found


@pytest.mark.parametrize(
    "header", ["", "Bearer abc", "Basic", "Basic ?", basic(b"no colon"), basic(b"\xff:secret")]
)
def test_a_header_that_cannot_be_read_is_refused(header: str) -> None:
    refusal = credentials_of(header)
    assert isinstance(refusal, Refusal)
    assert refusal.status == 401


def test_no_header_is_no_refusal() -> None:
    assert credentials_of(None) is None


# ------------------------------------------------------------------------------ the decision


def access(
    admission: str = "accepted",
    password: bytes | None = None,
    following: bytes | None = None,
    profile: int | None = None,
) -> Access:
    return Access(
        station=StationId("CS-1"),
        admission=admission,
        password=None if password is None else password_record(password),
        next_password=None if following is None else password_record(following),
        security_profile=(0 if password is None else 1) if profile is None else profile,
        time_zone="UTC",
        vendor=None,
        model=None,
        firmware=None,
    )


def status_of(found: Admitted | Refusal) -> int | None:
    return found.status if isinstance(found, Refusal) else None


def test_with_the_password_on_file_a_station_may_connect() -> None:
    found = admit(access(password=b"secret"), "CS-1", ("CS-1", b"secret"))
    assert isinstance(found, Admitted)
    assert not found.in_hex


@pytest.mark.parametrize(
    "credentials",
    [None, ("CS-1", b"wrong"), ("CS-1", b""), ("", b"secret"), ("CS-2", b"secret")],
)
def test_without_it_or_under_another_name_it_may_not(
    credentials: tuple[str, bytes] | None,
) -> None:
    assert status_of(admit(access(password=b"secret"), "CS-1", credentials)) == 401


def test_a_wrong_name_and_a_wrong_password_are_refused_in_the_same_words() -> None:
    known = access(password=b"secret")
    assert admit(known, "CS-1", ("CS-2", b"secret")) == admit(known, "CS-1", ("CS-1", b"wrong"))


def test_without_a_password_on_file_anybody_may_connect() -> None:
    assert status_of(admit(access(), "CS-1", None)) is None
    assert status_of(admit(access(), "CS-1", ("CS-1", b"anything"))) is None


def test_a_refused_station_may_not_connect_whatever_it_knows() -> None:
    refused = access("refused", b"secret")
    assert status_of(admit(refused, "CS-1", ("CS-1", b"secret"))) == 403


def test_a_waiting_station_may_connect() -> None:
    assert status_of(admit(access("waiting"), "CS-1", None)) is None


def test_while_a_password_changes_both_are_right() -> None:
    changing = access(password=b"before", following=b"after")
    assert status_of(admit(changing, "CS-1", ("CS-1", b"before"))) is None
    assert status_of(admit(changing, "CS-1", ("CS-1", b"after"))) is None


def test_a_password_in_hex_is_recognised_and_told() -> None:
    found = admit(access(password=b"secret"), "CS-1", ("CS-1", b"secret".hex().encode()))
    assert isinstance(found, Admitted)
    assert found.in_hex


def test_a_station_under_its_alias_may_name_itself_either_way() -> None:
    known = access(password=b"secret")
    assert status_of(admit(known, "old-name", ("old-name", b"secret"))) is None
    assert status_of(admit(known, "old-name", ("CS-1", b"secret"))) is None


# ------------------------------------------------------------------------ the security profile

TLS = Line(is_tls=True)
GOOD = ("CS-1", b"secret")


def fitting(worth: Shown) -> Line:
    return Line(is_tls=True, certificate=worth)


@pytest.mark.parametrize(
    ("profile", "line", "credentials", "came_up_to"),
    [
        (1, PLAIN, GOOD, 1),
        (1, TLS, GOOD, 2),
        (2, TLS, GOOD, 2),
        (2, fitting(Shown.FITS), None, 3),
        (2, fitting(Shown.FOREIGN), GOOD, 2),
        (3, fitting(Shown.FITS), None, 3),
        (3, fitting(Shown.FITS), ("CS-1", b"whatever"), 3),
    ],
)
def test_a_station_that_shows_what_its_profile_asks_may_connect(
    profile: int, line: Line, credentials: tuple[str, bytes] | None, came_up_to: int
) -> None:
    found = admit(access(password=b"secret", profile=profile), "CS-1", credentials, line)
    assert isinstance(found, Admitted)
    assert found.profile == came_up_to


@pytest.mark.parametrize(
    ("profile", "line", "reason"),
    [
        (2, PLAIN, "below_profile"),
        (3, PLAIN, "below_profile"),
        (3, TLS, "no_certificate"),
        (3, fitting(Shown.FOREIGN), "foreign_certificate"),
        (3, fitting(Shown.REVOKED), "revoked_certificate"),
        (1, fitting(Shown.REVOKED), "revoked_certificate"),
    ],
)
def test_one_that_shows_less_may_not_although_it_knows_the_password(
    profile: int, line: Line, reason: str
) -> None:
    found = admit(access(password=b"secret", profile=profile), "CS-1", GOOD, line)
    assert isinstance(found, Refusal)
    assert (found.status, found.reason) == (403, reason)
    assert reason in BELOW


def test_a_profile_that_needs_a_password_lets_nobody_in_while_there_is_none() -> None:
    found = admit(access(profile=1), "CS-1", GOOD)
    assert isinstance(found, Refusal)
    assert found.reason == "no_password_on_file"
    assert status_of(admit(access(profile=0), "CS-1", GOOD)) is None


def test_a_first_password_that_waits_opens_no_profile_that_needs_one() -> None:
    for profile, status in ((0, None), (1, 401)):
        waiting = access(following=b"0123456789abcdef", profile=profile)
        assert status_of(admit(waiting, "CS-1", None)) == status
        assert status_of(admit(waiting, "CS-1", ("CS-1", b"0123456789abcdef"))) is None
