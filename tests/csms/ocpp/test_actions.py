"""The direction tables name every action of the schemas, and nothing else."""

import pytest

from csms.ocpp import codec
from csms.ocpp.actions import FROM_CSMS, FROM_STATION, WITHOUT_ANSWER
from csms.reports import OcppVersion


@pytest.mark.parametrize(
    ("version", "actions"),
    [(OcppVersion.V16, 39), (OcppVersion.V201, 64), (OcppVersion.V21, 91)],
)
def test_every_action_has_a_direction(version: OcppVersion, actions: int) -> None:
    assert codec.messages(version).REQUESTS.keys() == FROM_STATION[version] | FROM_CSMS[version]
    assert len(codec.messages(version).REQUESTS) == actions


@pytest.mark.parametrize("version", OcppVersion)
def test_only_data_transfer_goes_both_ways(version: OcppVersion) -> None:
    assert FROM_STATION[version] & FROM_CSMS[version] == {"DataTransfer"}


def test_a_message_without_answer_has_no_response_type() -> None:
    messages = codec.messages(OcppVersion.V21)

    assert messages.REQUESTS.keys() - messages.RESPONSES.keys() == WITHOUT_ANSWER


def test_a_newer_version_takes_no_action_away() -> None:
    assert FROM_STATION[OcppVersion.V201] <= FROM_STATION[OcppVersion.V21]
    assert FROM_CSMS[OcppVersion.V201] <= FROM_CSMS[OcppVersion.V21]
