"""A month of many owners, made in the database by sets: what booking leaves, without its way."""

from datetime import UTC, datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from billing import subscriptions
from billing.contacts import ContactFacts, add
from billing.services import Subscription
from foundation.database import driver
from foundation.identifiers import OrganisationKey

ROOT: Final = OrganisationKey("operator")
MONTH: Final = "2026-10"
LONG_AGO: Final = datetime(2026, 1, 1, tzinfo=UTC)
CLOSED_AT: Final = datetime(2026, 11, 2, 8, tzinfo=UTC)

_OWNERS: Final = """
insert into organisations (key, name, parent, time_zone, currency, country, tax_status, vat_id,
  language, email, iban, address, created_at, demands_second_factor, licence)
select made.key, 'Owner ' || n, 'operator', time_zone, currency, country, 'standard', vat_id,
  language, 'owner-' || n || '@example.com', 'DE02120300000000202051',
  'Ring ' || n || E'\n10115 Berlin', created_at, demands_second_factor, licence
from organisations o,
  lateral (select n, 'owner-' || lpad(n::text, 4, '0') as key
    from generate_series(0, %(owners)s - 1) as n) as made
where o.key = 'operator'
"""

_CONTACTS: Final = """
insert into contacts (managing, kind, name, street, postcode, city, country, tax_country,
  tax_status, vat_id, language, email, iban, represents, is_active, created_at)
select 'operator', 'company', name, 'Ring', '10115', 'Berlin', 'DE', 'DE', 'standard',
  'DE129273398', 'de', email, iban, 'organisation/' || key, true, created_at
from organisations where key like 'owner-%%'
"""

_CDRS: Final = """
insert into cdrs (id, transaction_id, revision, attempt, issued_at, payee, charge_class, payer,
  share_bps, basis, tariff_number, station, evse_id, connector_id, location, time_zone, id_token,
  id_token_type, started_at, ended_at, meter_start_wh, meter_stop_wh, energy_wh, energy_before_wh,
  energy_basis, currency, net_minor, vat_minor, lines, hold_reasons)
select n, n, 1, 0, at + interval '1 hour', payee,
  case when n %% 3 = 0 then 'external' else 'internal' end,
  case when n %% 3 = 0 then 'receivable/DE*BEN' else 'clearing/' || payee end,
  case when n %% 3 = 0 then 9000 - n %% %(owners)s %% 50 * 10 else 10000 end, 'net', 1,
  'CS-' || n %% %(owners)s, 1, 1, null, 'Europe/Berlin', 'TOKEN-' || n %% 2000, 'ISO14443', at,
  at + interval '1 hour', n * 10, n * 10 + wh, wh, 0, 'registers', 'EUR', net,
  round(net * 0.19), jsonb_build_array(jsonb_build_object('vat_rate', '19')), '{}'
from (
  select n, 'owner-' || lpad((n %% %(owners)s)::text, 4, '0') as payee,
    timestamptz '2026-10-01 06:00+00' + n %% 40000 * interval '1 minute' as at,
    5000 + n %% 30000 as wh, round((5000 + n %% 30000) * 0.049)::bigint as net
  from generate_series(1, %(count)s) as n) as made
"""

_REST: Final = (
    """
    insert into unsettled_lines (cdr_id, sign, transaction_id, payee, currency, ended_at)
    select id, 1, transaction_id, payee, currency, ended_at from cdrs order by id
    """,
    """
    insert into ledger_entries (id, kind, booked_at, narration, transaction_id)
    select id, 'cdr', issued_at, 'transaction ' || transaction_id, transaction_id
    from cdrs order by id
    """,
    """
    insert into ledger_postings (entry_id, account, amount_minor, currency)
    select c.id, p.account, p.amount, c.currency
    from cdrs c cross join lateral (values
      (c.payer, c.net_minor + c.vat_minor), ('unsettled/' || c.payee, -c.net_minor),
      ('vat', -c.vat_minor)) as p (account, amount)
    order by c.id
    """,
    """
    select setval('cdrs_id_seq', (select max(id) from cdrs)),
      setval('ledger_entries_id_seq', (select max(id) from ledger_entries))
    """,
    "analyze cdrs, unsettled_lines, ledger_entries, ledger_postings",
)


def owner(number: int) -> OrganisationKey:
    """Return the key of an owner, by number from 0."""
    return OrganisationKey(f"owner-{number:04}")


async def fill(db: AsyncSession, count: int, owners: int) -> None:
    """Make owners, and transactions of October as booking leaves them: rated, booked, waiting."""
    await directory.ensure_root(
        db,
        key=ROOT,
        name="Ladewerk GmbH",
        time_zone="Europe/Berlin",
        currency="EUR",
        country="DE",
        language="de",
        now=LONG_AGO,
    )
    connection = await driver(db)
    values = {"count": count, "owners": owners}
    await connection.execute(_OWNERS, {"owners": owners})
    await connection.execute(_CDRS, values)
    for query in _REST:
        await connection.execute(query)


async def write_papers(db: AsyncSession) -> None:
    """Have papers written: to every owner, and to the provider that pays the external sessions."""
    await directory.change_organisation(
        db,
        ROOT,
        {
            "vat_id": "DE136695976",
            "address": "Hafenstraße 1\n89073 Ulm",
            "iban": "DE89370400440532013000",
            "email": "office@ladewerk.example",
        },
    )
    for service in (Subscription.AUTOMATED_INVOICING, Subscription.CREDIT_NOTES):
        await subscriptions.switch_on(db, f"organisation/{ROOT}", service, by="x", now=LONG_AGO)
    await (await driver(db)).execute(_CONTACTS, {})
    provider: ContactFacts = {
        "managing": ROOT,
        "kind": "company",
        "name": "Roaming GmbH",
        "street": "Ring 5",
        "postcode": "10115",
        "city": "Berlin",
        "country": "DE",
        "represents": "provider/DE*BEN",
        "vat_id": "DE811907980",
    }
    await add(db, provider, now=LONG_AGO)
