"""The TLS that stations are met with; a whole conversation is in `test_websocket`."""

import ssl
from pathlib import Path

import pytest
import trustme

from csms import tls
from foundation.settings import Settings


@pytest.mark.parametrize("asks", [False, True])
def test_a_stations_certificate_is_looked_at_where_an_authority_is_given(
    tmp_path: Path, asks: bool
) -> None:
    authority = trustme.CA()
    key, certificate, trusted = (tmp_path / name for name in ("key", "certificate", "trusted"))
    issued = authority.issue_cert("localhost")
    issued.private_key_pem.write_to_path(str(key))
    issued.cert_chain_pems[0].write_to_path(str(certificate))
    authority.cert_pem.write_to_path(str(trusted))
    context = tls.server_context(
        Settings(
            data_dir=tmp_path,
            ocpp_tls_port=0,
            ocpp_tls_cert=certificate,
            ocpp_tls_key=key,
            ocpp_tls_client_ca=trusted if asks else None,
        )
    )
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    # Not required: whether it must have one is decided for each station.
    assert context.verify_mode is (ssl.CERT_OPTIONAL if asks else ssl.CERT_NONE)
    assert len(context.get_ca_certs()) == (1 if asks else 0)
