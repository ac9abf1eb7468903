"""What the API says of a visit to whom."""

from portal.api.visit_models import visit_model
from tests.support.test_visit_reports import a_report


def test_people_are_masked_for_who_may_not_see_them_and_nothing_else_is() -> None:
    visit = a_report().visit
    masked = visit_model(visit, sees_people=False, sees_contact=False)
    assert (masked.technician, masked.technician_phone, masked.contact) == ("****",) * 3
    assert masked.cover is not None
    assert (masked.cover.by, masked.cover.reason) == ("****", "Torn by a car")
    assert (masked.technician_text, masked.fault_analysis) == (
        visit.technician_text,
        "Cable torn",
    )
    seen = visit_model(visit, sees_people=True, sees_contact=True)
    assert (seen.technician, seen.contact) == ("Tom Technik", "Caretaker +49 7131 555")
    assert seen.work is not None
    assert (seen.work.amount, seen.parts[0].serial_number) == ("189.00", "K-77")
