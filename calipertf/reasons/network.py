"""Words of programs that could not reach a network."""

from __future__ import annotations

import re

#: Parts of messages, whatever library says them.
NO_NETWORK = (
    r"[Nn]ame or service not known|[Nn]odename nor servname|getaddrinfo failed"
    r"|[Ff]ailure in name resolution|NameResolutionError|[Cc]ould not resolve host"
    r"|Network is unreachable|[Cc]annot assign requested address"
    r"|NewConnectionError|Max retries exceeded"
)
_NO_NETWORK = re.compile(NO_NETWORK)
#: Classes of exceptions of Python's library and of clients for HTTP.
_ERRORS = frozenset(
    {
        "APIConnectionError",
        "ClientConnectorDNSError",
        "ClientConnectorError",
        "ConnectError",
        "ConnectTimeout",
        "ConnectionError",
        "MaxRetryError",
        "NameResolutionError",
        "NewConnectionError",
        "ServerNotFoundError",
        "URLError",
        "gaierror",
    }
)


def lacks_network(exception: str, message: str) -> bool:
    """Return whether an exception, by its class and message, says that no network was reached."""
    return exception in _ERRORS or _NO_NETWORK.search(message) is not None
