"""Whom to trust: the one TLS context that all connections to mail servers share."""

import os
import ssl
import time
from functools import lru_cache

_TRUST_SECONDS = 3600


def tls_context(ca_file: str) -> ssl.SSLContext:
    """Verifies chain and name; trusts the system's authorities and those in ``ca_file``.

    Raise FileNotFoundError if that file cannot be read.
    """
    try:
        changed = os.stat(ca_file).st_mtime_ns if ca_file else 0
    except OSError as error:
        raise FileNotFoundError(ca_file) from error
    return _tls_context(ca_file, changed, int(time.time() // _TRUST_SECONDS))


@lru_cache(maxsize=8)
def _tls_context(ca_file: str, changed: int, hour: int) -> ssl.SSLContext:
    """Reading the system's authorities costs tens of milliseconds; they are read again every hour, or with a new file."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file:
        try:
            context.load_verify_locations(cafile=ca_file)
        except OSError as error:
            # An unreadable or empty file is as good as none; ssl's own complaint would look like a bad server.
            raise FileNotFoundError(ca_file) from error
    return context
