"""Our own certificate authority by command."""

from pathlib import Path

from cryptography import x509

from tests.app.conftest import Cli
from tests.pki import Authority


def test_an_authority_is_made_once_shown_exported_and_renewed(cli: Cli) -> None:
    made = cli("ca", "create", "--name", "Stations", "--json")
    assert made.json["is_ours"]
    assert "sealed_key" not in made.out
    again = cli("ca", "create")
    assert again.status == 1
    assert "renew it" in again.err
    exported = cli("ca", "export", str(made.json["id"]))
    root = x509.load_pem_x509_certificate(exported.out.encode())
    assert root.subject == root.issuer
    assert "PRIVATE" not in exported.out
    renewed = cli("ca", "renew", "--json").json
    assert renewed["fingerprint"] != made.json["fingerprint"]
    listed = cli("ca", "show", "--json").json
    assert [each["retired_at"] is None for each in listed] == [True, False]
    assert cli("ca", "export", "99").status == 1


def test_the_authority_for_vehicles_stands_below_a_root(cli: Cli) -> None:
    made = cli("ca", "create", "--purpose", "v2g", "--json").json
    pem = cli("ca", "export", str(made["id"])).out
    sub, root = x509.load_pem_x509_certificates(pem.encode())
    sub.verify_directly_issued_by(root)
    assert cli("ca", "create", "--purpose", "contract").status == 1


def test_anothers_authority_is_trusted_once(cli: Cli) -> None:
    Path("root.pem").write_text(Authority.root("MO Root").pem)
    trusted = cli("ca", "trust", "root.pem", "--json")
    assert [each["is_ours"] for each in trusted.json] == [False]
    assert cli("ca", "trust", "root.pem", "--json").json == []
    Path("none.pem").write_text("nothing")
    assert cli("ca", "trust", "none.pem").status == 1


def test_one_whose_key_is_lost_is_trusted_no_longer(cli: Cli) -> None:
    Path("root.pem").write_text(Authority.root("MO Root").pem)
    [trusted] = cli("ca", "trust", "root.pem", "--purpose", "station", "--json").json
    made = cli("ca", "create", "--json").json
    for each in (trusted, made):
        [gone] = cli("ca", "distrust", str(each["id"]), "--json").json
        assert gone["retired_at"] is not None
        assert not gone["is_ours"]
    assert cli("ca", "distrust", "99").status == 1
    assert cli("ca", "create", "--json").status == 0
    [again] = cli("ca", "trust", "root.pem", "--purpose", "station", "--json").json
    assert (again["id"], again["retired_at"]) == (trusted["id"], None)
    Path("leaf.pem").write_text(Authority.root().issue("CS-1").pem)
    refused = cli("ca", "trust", "leaf.pem", "--purpose", "station")
    assert refused.status == 1
    assert "no authority" in refused.err
