"""Whom a client trusts, and what it shows of itself.

The system's store counts: on Linux that is where OpenSSL looks, which is read once in a process; on macOS and Windows,
and where OpenSSL finds nothing, `truststore` asks the system. That takes it a fortieth of a second a connection on
Linux, which is why it is not used there. SSL_CERT_FILE and SSL_CERT_DIR stand for all of them.

aiohttp has a context of its own for this, and one more, and reads the system's store for each while it is imported. It
takes no part in any connection to https: a program may have it imported in a way that leaves the store unread.
"""

from __future__ import annotations

import ssl
import sys
import threading
from functools import cache, cached_property

from dxpy_async.core.settings import TlsSettings
from dxpy_async.errors import UsageError
from dxpy_async.index.safe_url import Origin

_found = ssl.get_default_verify_paths()
ASKS_SYSTEM = sys.platform in ("darwin", "win32") or not (_found.cafile or _found.capath)
"""Whether OpenSSL does not know whom the system trusts."""
if ASKS_SYSTEM:
    import truststore


class TlsContexts:
    """The TLS of one client. `given` replaces the system's idea of whom to trust."""

    def __init__(self, settings: TlsSettings, given: ssl.SSLContext | None = None) -> None:
        self._settings, self._given = settings, given

    def context_for(self, origin: Origin) -> ssl.SSLContext | bool:
        """What to use for connections to `origin`; True for http, which needs none.

        Raises UsageError for a file of certificates that cannot be used.
        """
        if self._given is not None or origin.scheme != "https":
            return self._given or True
        return self._trusting_all if self._is_insecure(origin) else self._trusting

    def _is_insecure(self, origin: Origin) -> bool:
        host = f"[{origin.host}]" if ":" in origin.host else origin.host
        return any(each in ("*", host, f"{host}:{origin.port}") for each in self._settings.insecure_hosts)

    @cached_property
    def _trusting(self) -> ssl.SSLContext:
        settings = self._settings
        if settings.authorities is not None or settings.authority_directories:
            return self._with_client_certificate(_of_files(settings))
        if ASKS_SYSTEM:
            return self._with_client_certificate(truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
        if settings.client_certificate is not None:
            return self._with_client_certificate(_of_system())
        return trusting_system()

    @cached_property
    def _trusting_all(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return self._with_client_certificate(context)

    def _with_client_certificate(self, context: ssl.SSLContext) -> ssl.SSLContext:
        file = self._settings.client_certificate
        if file is not None:
            try:
                context.load_cert_chain(file, password=_no_password)
            except _KeyIsLocked as error:
                raise UsageError(f"the key in `{file}` (the client's certificate) is locked by a password") from error
            except OSError as error:
                raise UsageError(
                    f"`{file}` cannot be used as the client's certificate: {_reason(error)}",
                    hints=("the file must have the certificate and its key, both as PEM",),
                ) from error
        return context


def trusting_system() -> ssl.SSLContext:
    """The context of this process that trusts whom OpenSSL trusts."""
    with _reading:
        return _shared()


def read_system_early() -> None:
    """Begin to read whom OpenSSL trusts, which takes a twenty-fifth of a second, while something else is done."""
    threading.Thread(target=trusting_system, daemon=True).start()


_reading = threading.Lock()


@cache
def _shared() -> ssl.SSLContext:
    return _of_system()


def _of_system() -> ssl.SSLContext:
    try:  # by name, not as the default: the variables that OpenSSL looks at may be others for the moment
        context = ssl.create_default_context(cafile=_found.cafile, capath=_found.capath)
    except OSError:  # nobody is trusted, as where OpenSSL looks for itself
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_alpn_protocols(["http/1.1"])
    return context


def _of_files(settings: TlsSettings) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        if settings.authorities is not None:
            context.load_verify_locations(cafile=settings.authorities)
        for directory in settings.authority_directories:
            context.load_verify_locations(capath=directory)
    except OSError as error:
        named = f"`{settings.authorities}`, which SSL_CERT_FILE or `--cert` names,"
        raise UsageError(f"{named} has no certificates that can be used: {_reason(error)}") from error
    return context


class _KeyIsLocked(Exception):
    """A key wants a password, which nobody is asked for."""


def _no_password() -> str:
    raise _KeyIsLocked


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or "it is not PEM").replace("_", " ").lower()
    return error.strerror or str(error)
