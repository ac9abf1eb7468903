"""The TLS that stations are met with: ours, and theirs where an authority for it is given.

Source: OCPP 1.6 security whitepaper, section 4, and OCPP 2.0.1 part 2, A00: profiles 2 and 3.
"""

import ssl

from foundation.settings import Settings


def server_context(settings: Settings) -> ssl.SSLContext:
    """TLS 1.2 or newer; client certificates where an authority for them is given (profile 3)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    assert settings.ocpp_tls_cert is not None
    context.load_cert_chain(settings.ocpp_tls_cert, settings.ocpp_tls_key)
    if settings.ocpp_tls_client_ca is not None:
        context.load_verify_locations(settings.ocpp_tls_client_ca)
        context.verify_mode = ssl.CERT_OPTIONAL
    return context
