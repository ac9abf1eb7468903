"""Whose token charged, who pays for it, and which share the station's owner gets.

Pure decisions over what was true at a transaction's start; nothing is looked up here.

Source: rules of the business, 7.3: a charge is internal if the token belongs to the owner's
organisation or one below it (or as widely as the agreement says); everything else is external.
"""

from collections.abc import Iterable, Mapping

from billing.cdr import ChargeClass, Payer
from billing.terms import Sharing
from foundation.events import TokenStatus, TransactionEvent
from foundation.identifiers import OrganisationKey
from roaming.agreements import DEFAULT, Agreement, InternalScope, valid_at

Parents = Mapping[OrganisationKey, OrganisationKey | None]
"""Every organisation with the one above it; None above the root."""


def classify(event: TransactionEvent, scope: InternalScope, parents: Parents) -> ChargeClass:
    """Return the class of a transaction: internal only if an organisation in scope owns the token.

    A token that a provider answers for is external, whoever else it is said to belong to.
    """
    token_of = event.token_organisation
    if token_of is None or event.token_provider is not None:
        return ChargeClass.EXTERNAL
    if scope is InternalScope.INSTALLATION:
        return ChargeClass.INTERNAL
    top = event.owner
    if scope is InternalScope.OPERATOR:
        top = parents.get(event.owner) or event.owner
    internal = top in _up_from(token_of, parents)
    return ChargeClass.INTERNAL if internal else ChargeClass.EXTERNAL


def payer_of(event: TransactionEvent) -> Payer | None:
    """Return who answers for the token; None for no token, an unknown or a refused one.

    A refused token charges where a station starts without asking: its organisation or provider
    has said that it does not pay for it.
    """
    if event.id_token is None or event.token_status not in (None, TokenStatus.ACCEPTED):
        return None
    if event.token_provider is not None:
        return Payer(provider=event.token_provider)
    if event.token_organisation is not None:
        return Payer(organisation=event.token_organisation)
    return None


def share(event: TransactionEvent, agreements: Iterable[Agreement], parents: Parents) -> Sharing:
    """Return how the proceeds of a transaction are shared, by what held at its start.

    Args:
        event: The transaction, with whose token it was at its start.
        agreements: All of the owner's; where none is valid the default terms hold.
        parents: The tree of organisations.
    """
    agreement = valid_at(agreements, event.started_at)
    terms = DEFAULT if agreement is None else agreement.terms
    charge_class = classify(event, terms.internal_scope, parents)
    return Sharing(
        charge_class=charge_class,
        payer=payer_of(event),
        share_bps=terms.internal_bps
        if charge_class is ChargeClass.INTERNAL
        else terms.external_bps,
        basis=terms.basis,
        agreement_id=None if agreement is None else agreement.agreement_id,
    )


def _up_from(organisation: OrganisationKey, parents: Parents) -> Iterable[OrganisationKey]:
    """Yield the organisation and those above it, up to the root."""
    above: OrganisationKey | None = organisation
    while above is not None:
        yield above
        above = parents.get(above)
