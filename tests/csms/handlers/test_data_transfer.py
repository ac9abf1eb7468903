"""Data transfers are answered by the standard."""

from csms.handlers.data_transfer import data_transferred
from csms.reports import DataTransferAnswer, DataTransferReport
from tests.csms.ocpp.said import V16, V201, said


def test_no_vendor_is_known_yet() -> None:
    for version in (V16, V201):
        report = said(version, "DataTransfer", {"vendorId": "com.example"}, DataTransferReport)
        assert data_transferred(report) == DataTransferAnswer("UnknownVendorId")
