"""Tokens of prepaid cards: made without credit, blocked and let charge again."""

from decimal import Decimal

from csms import prepaid_tokens
from csms.prepaid_tokens import CardToken
from foundation.events import TokenStatus
from foundation.identifiers import PartyId
from tests.csms.central import moment
from tests.csms.handlers.work import Work
from tests.csms.test_transaction_store import added
from tests.csms.test_transactions import facts

PROVIDER = PartyId("PRE*PAID")
AT = moment(0)


async def status(work: Work) -> TokenStatus:
    return (await prepaid_tokens.tokens(work.db, ["PRE1", "NONE"]))["PRE1"].status


async def test_a_token_is_made_once_without_credit_and_belongs_to_the_provider(work: Work) -> None:
    assert await prepaid_tokens.issue(work.db, "pre-1", PROVIDER, AT)
    assert not await prepaid_tokens.issue(work.db, "PRE1", PROVIDER, AT), "there is such a token"
    found = await prepaid_tokens.tokens(work.db, ["PRE1", "NONE"])
    assert found == {"PRE1": CardToken("pre-1", TokenStatus.NO_CREDIT)}


async def test_who_is_let_charge_again_has_credit_only_with_money(work: Work) -> None:
    await prepaid_tokens.issue(work.db, "PRE1", PROVIDER, AT)
    for is_blocked, has_credit, changed, after in (
        (False, True, False, TokenStatus.NO_CREDIT),
        (True, True, True, TokenStatus.BLOCKED),
        (True, True, False, TokenStatus.BLOCKED),
        (False, True, True, TokenStatus.ACCEPTED),
        (True, False, True, TokenStatus.BLOCKED),
        (False, False, True, TokenStatus.NO_CREDIT),
    ):
        did = await prepaid_tokens.set_blocked(
            work.db, "PRE1", is_blocked=is_blocked, has_credit=has_credit, now=AT
        )
        assert (did, await status(work)) == (changed, after)


async def test_a_session_whose_end_is_not_sure_has_no_revision(work: Work) -> None:
    await prepaid_tokens.issue(work.db, "PRE1", PROVIDER, AT)
    over = {"started_at": AT, "ended_at": moment(60), "energy_wh": Decimal(8000)}
    stored = await added(
        work,
        [
            facts(ref="2|a", state="ended", token_key="PRE1", revision=3, **over),
            facts(ref="2|b", state="inferred_end", token_key="PRE1", revision=2, **over),
            facts(ref="2|c", state="ended", token_key="OTHER", **over),
        ],
    )
    numbers = [int(each.id) for each in stored]
    assert await prepaid_tokens.sessions(work.db, "PRE1") == {numbers[0]: 3, numbers[1]: None}
