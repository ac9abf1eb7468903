"""Data transfer: what vendors say beside the standard.

No vendor's messages are understood yet, and the standard has an answer for that.

Source: OCPP 1.6 edition 2, section 4.3; OCPP 2.0.1 part 2, P02.
"""

from csms.reports import DataTransferAnswer, DataTransferReport


def data_transferred(report: DataTransferReport) -> DataTransferAnswer:
    """Answer that the vendor is unknown; the message itself stays in the frames."""
    return DataTransferAnswer("UnknownVendorId")
