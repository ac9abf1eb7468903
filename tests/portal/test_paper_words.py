"""States, kinds and findings of papers have words."""

from billing.contacts import ContactKind
from billing.documents import DocumentKind
from billing.papers import DocumentState
from billing.statements import TaxStatus
from portal import paper_words


def test_every_state_and_kind_has_a_word() -> None:
    assert set(paper_words.DOCUMENT_STATES) == {each.value for each in DocumentState}
    assert set(paper_words.DOCUMENT_KINDS) == {each.value for each in DocumentKind}
    assert set(paper_words.CONTACT_KINDS) == {each.value for each in ContactKind}
    assert set(paper_words.TAX_STATUSES) == {each.value for each in TaxStatus}
