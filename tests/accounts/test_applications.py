"""What is applied for: kept and read back as it was, and refused where it cannot be had."""

from datetime import UTC, datetime

import pytest

from accounts import applications
from accounts.applications import (
    Application,
    ApplicationDecided,
    Kind,
    NewAccount,
    OtherDatapoints,
    OtherLicence,
    OwnApplication,
    PointLicences,
    Renewal,
    State,
    TooFewDatapoints,
    Wanted,
)
from accounts.licences import Licence
from accounts.tiers import LicenceKind, LicenceModel
from foundation.errors import InvalidInput
from tests.accounts.licensed import NORTH, new_account

ALL: list[tuple[Kind, Wanted]] = [
    (Kind.NEW, new_account(rtc_lines=2, mail_domain="north.example")),
    (Kind.DATAPOINTS, OtherDatapoints(30)),
    (Kind.LICENCE, OtherLicence(Licence.MONITORING)),
    (Kind.RENEWAL, Renewal(24)),
    (
        Kind.POINT_LICENCES,
        PointLicences(LicenceKind.HEAT_WATER_GAS, LicenceModel.MULTI_YEAR, 4, 36),
    ),
]


@pytest.mark.parametrize(("kind", "wanted"), ALL)
def test_what_is_wanted_is_read_back_as_it_was_kept(kind: Kind, wanted: Wanted) -> None:
    assert applications.kind_of(wanted) is kind
    assert applications.from_json(kind, applications.as_json(wanted)) == wanted


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        (new_account(name=" "), "name"),
        (new_account(customer="x" * 201), "customer"),
        (new_account(months=0), "months"),
        (new_account(months=121), "months"),
        (new_account(rtc_lines=1), "rtc_lines"),
        (new_account(mail_domain="no domain"), "mail_domain"),
        (new_account(datapoints=1_000_001), "datapoints"),
        (Renewal(0), "months"),
        (OtherDatapoints(19), "datapoints"),
        (PointLicences(LicenceKind.ALL, LicenceModel.MONTHLY, 0), "quantity"),
        (PointLicences(LicenceKind.ALL, LicenceModel.MONTHLY, 1, 12), "months"),
        (PointLicences(LicenceKind.HEAT_WATER_GAS, LicenceModel.MONTHLY, 1), "kind"),
        (PointLicences(LicenceKind.ALL, LicenceModel.MULTI_YEAR, 1, 999), "months"),
    ],
)
def test_what_cannot_be_had_is_refused_beside_its_field(wanted: Wanted, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        applications.checked(wanted, country="DE", used=20)
    assert refused.value.field == field


def test_what_can_be_had_is_kept_in_one_form() -> None:
    wanted = new_account(
        name=" North ", mail_domain="@North.example", datapoints=26, rtc_lines=1, months=120
    )
    kept = applications.checked(wanted, country="ES", used=26)
    licences = applications.checked(
        PointLicences(LicenceKind.ALL, LicenceModel.MULTI_YEAR, 3), country="DE", used=0
    )

    assert isinstance(kept, NewAccount)
    assert (kept.name, kept.mail_domain) == ("North", "north.example")
    assert isinstance(licences, PointLicences)
    assert licences.months == 36


@pytest.mark.parametrize(("wanted", "used"), [(19, 0), (20, 21), (0, 0)])
def test_too_few_datapoints(wanted: int, used: int) -> None:
    applications.check_datapoints(max(20, used), used)
    with pytest.raises(TooFewDatapoints):
        applications.check_datapoints(wanted, used)


def asked(state: State = State.PENDING) -> Application:
    return Application(
        id=1,
        organisation=NORTH,
        wanted=Renewal(),
        state=state,
        applicant="person/1",
        applicant_name="Anna",
        applied_at=datetime(2026, 10, 15, tzinfo=UTC),
        decided_by=None,
        decided_by_name=None,
        decided_at=None,
        reason=None,
    )


def test_somebody_else_decides_about_what_is_pending() -> None:
    assert asked().must_be_decidable_by({"person/2"}, {"person/1"}) == asked()
    for deciders, applicants in (({"person/1"}, set()), ({"api_key/3", "person/9"}, {"person/9"})):
        with pytest.raises(OwnApplication):
            asked().must_be_decidable_by(deciders, applicants)
    for state in (State.APPROVED, State.REJECTED, State.WITHDRAWN):
        with pytest.raises(ApplicationDecided):
            asked(state).must_be_decidable_by({"person/2"}, set())
