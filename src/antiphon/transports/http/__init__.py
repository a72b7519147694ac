"""The Realtime API over plain HTTP: events come as server-sent events or by long polling, and go as POSTs."""

from antiphon.transports.http.call import (
    HttpCall,
    MissingPostError,
    PostError,
    TooManyPostsError,
    UnknownSessionError,
)
from antiphon.transports.http.client import HttpClient
from antiphon.transports.http.limits import HttpLimits
from antiphon.transports.http.mailbox import Mailbox
from antiphon.transports.http.sessions import HttpSessions
from antiphon.transports.http.stream import Stream

__all__ = [
    "HttpCall",
    "HttpClient",
    "HttpLimits",
    "HttpSessions",
    "Mailbox",
    "MissingPostError",
    "PostError",
    "Stream",
    "TooManyPostsError",
    "UnknownSessionError",
]
