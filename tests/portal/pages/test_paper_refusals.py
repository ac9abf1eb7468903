"""What papers refuse reads in the reader's language, beside the field it is about."""

from billing.contacts import WrongVatId
from billing.contracts import ClosedPeriod
from foundation.errors import InvalidInput
from portal.pages.paper_refusals import form_errors, in_words
from portal.words import words


def test_a_refusal_is_translated_by_its_code() -> None:
    assert in_words(ClosedPeriod("The fee"), words("de")).startswith("Es steht bereits auf")
    assert in_words(InvalidInput("So it is."), words("de")) == "So it is."


def test_it_stands_beside_its_field_or_the_one_that_was_named() -> None:
    errors = form_errors(WrongVatId("DE1", "DE"), words("en"), otherwise="name")
    assert list(errors.messages) == ["vat_id"]
    assert list(form_errors(ClosedPeriod("x"), words("en"), otherwise="name").messages) == ["name"]
