"""The one outbound HTTP client: nothing else in Attaché opens a connection to an address a stranger can name.

Promised, for every request and every redirect: http and https only, ports 80 and 443 and those allowed, no user
name in the URL, and a connection only to an address that `shared.addresses` lets pass, checked on the very address
connected to, so that neither a literal, nor a redirect, nor a name that changes its mind gets around it. No proxy
from the environment, no cookies, TLS verified. Sizes are counted while streaming, as received and as inflated; a
deadline covers everything from the look-up of the name to the last byte, so a server that drips cannot hold on.

Whatever goes wrong out there is a value (`Failed`), never an exception.
"""

from shared.http.answers import UNREACHABLE, Answer, Failed, FailureKind, Fetched, NotModified, Posted, Redirect
from shared.http.client import HttpClient, open_http, user_agent

__all__ = [
    "UNREACHABLE",
    "Answer",
    "Failed",
    "FailureKind",
    "Fetched",
    "HttpClient",
    "NotModified",
    "Posted",
    "Redirect",
    "open_http",
    "user_agent",
]
