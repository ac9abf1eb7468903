"""Our own authority: what it makes and signs."""

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from csms import certificate_authority
from csms.certificates import OWN, V2G, Wish, facts_of, wish_in
from tests.pki import csr

NOW = datetime(2026, 10, 15, 12, tzinfo=UTC)


def wish() -> Wish:
    found = wish_in(csr("CS-1"), ["CS-1"])
    assert isinstance(found, Wish)
    return found


def test_a_root_signs_for_a_station_in_our_name_and_nothing_longer_than_itself() -> None:
    root = certificate_authority.new_root("Stations", "Operator", days=30, now=NOW)
    again = certificate_authority.opened(root.pem, root.key_der)
    assert again.certificate == root.certificate
    [made] = x509.load_pem_x509_certificates(
        certificate_authority.sign(again, wish(), OWN, "Operator", days=365, now=NOW).encode()
    )
    made.verify_directly_issued_by(root.certificate)
    facts = facts_of(made)
    assert (facts.common_name, facts.organisation) == ("CS-1", "Operator")
    assert facts.not_after == root.certificate.not_valid_after_utc == NOW + timedelta(days=30)
    usage = made.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    basic = made.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert not basic.ca


def test_for_vehicles_the_chain_ends_below_the_root() -> None:
    sub = certificate_authority.new_below_root("V2G", "Operator", days=3650, now=NOW)
    chain = certificate_authority.sign(sub, wish(), V2G, "Operator", days=90, now=NOW)
    leaf, between = x509.load_pem_x509_certificates(chain.encode())
    assert between == sub.certificate
    leaf.verify_directly_issued_by(between)
    between.verify_directly_issued_by(sub.above[0])
    usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]
