"""The audit by command."""

import psycopg

from tests.app.conftest import Cli


def test_the_chains_are_checked_and_a_changed_row_is_named(cli: Cli, database_url: str) -> None:
    assert cli("user", "create", "erika", "--role", "owner").status == 0
    assert cli("user", "deactivate", "erika").status == 0
    whole = cli("audit", "verify", "--json")
    exported = cli("audit", "export").out.splitlines()
    with psycopg.connect(database_url) as connection:
        connection.execute("alter table audit_entries disable trigger all")
        connection.execute(
            "update audit_entries set content = replace(content, 'active', 'aktiv')"
            " where number = 2"
        )
        connection.execute("alter table audit_entries enable trigger all")
    broken = cli("audit", "verify")
    looked = cli("doctor")

    assert whole.json["chains"][0]["entries"] == 2
    assert whole.json["broken"] == []
    assert '"user.deactivate"' in exported[1]
    assert broken.status == 1
    assert "entry 2: Entry 2 was changed." in broken.err
    assert looked.status == 1
    assert "entry 2" in looked.out
