"""Certificates that are given for TLS, looked at before anything is served by them."""

import ssl
from pathlib import Path

from semblance.retrieval.errors import UsageError


def check(cert: Path | None, key_file: Path | None) -> None:
    """UsageError unless a service can be who `cert` says, by its private key in `key_file`, or in `cert` itself."""
    if cert is None:
        if key_file is not None:
            raise UsageError(f"{key_file} is the key of a certificate: name that by --cert.")
        return
    for path in (cert, key_file or cert):
        try:
            path.read_bytes()
        except OSError as error:
            raise UsageError(f"{path} cannot be read ({error.strerror}): name a file in PEM.") from error
    try:  # a key with a pass phrase would be asked for at the terminal, in the middle of a start
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key_file, password=lambda: "")
    except (OSError, ValueError) as error:
        said = getattr(error, "reason", None) or error
        raise UsageError(
            f"{cert} and {key_file or 'the key in it'} make no certificate to serve by ({said}): give a certificate in "
            "PEM by --cert, and its own private key, without a pass phrase, by --key-file."
        ) from error
