"""What browsers get: the talk page at `/`, and under `/web/` the files that it and other pages are made of."""

from collections.abc import Mapping
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct, structs
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

import antiphon
from antiphon.agents.agent import Agent
from antiphon.config.web_settings import HOST, WebSettings
from antiphon.gateway.errors import RequestError
from antiphon.gateway.openapi import Operation
from antiphon.gateway.web_files import MEDIA_TYPES, WebFiles, quality

FOLDER = Path(antiphon.__file__).parent / "web"
_PAGE = "index.html"
_MOST_QUESTIONS = 4  # that the page offers to begin with
# Pages of other origins embed these files. They are the same for everybody.
_FOR_ALL = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}


class PageAgent(Struct, frozen=True):
    """Who answers.

    Args:
        name: Its name.
        description: One line for people.
        questions: What one may ask it.
    """

    name: str
    description: str
    questions: tuple[str, ...]

    @classmethod
    def of(cls, agent: Agent) -> Self:
        return cls(agent.name, agent.description, agent.knowledge.phrases[:_MOST_QUESTIONS])


class PageSettings(Struct, frozen=True):
    """What the talk page must know of this server; anybody may.

    Args:
        version: The server's.
        keys_needed: Whether the API wants a key, or a client secret.
        token_url: Where the page gets a client secret by POST; "" where nowhere.
        model: To ask for.
        webrtc: Whether WebRTC calls are answered.
        resume_seconds: How long a lost conversation waits.
        relays: Whether other servers answer.
        agent: Who answers; None for whom the page describes itself, and where it is nobody's business without a key.
    """

    version: str
    keys_needed: bool
    token_url: str
    model: str
    webrtc: bool
    resume_seconds: float
    relays: bool
    agent: PageAgent | None = None


class WebRoutes:
    """Serves pages.

    Args:
        settings: The table `web`.
        told: What the talk page is told.
    """

    def __init__(self, settings: WebSettings, told: PageSettings) -> None:
        self._settings = settings
        # They are told before there is a key, and who answers may be a secret of those who have one.
        self._told = msgspec.json.encode(structs.replace(told, agent=None) if told.keys_needed else told)
        self._files = WebFiles(FOLDER)

    def operations(self) -> tuple[Operation, ...]:
        """Return what is under `/web/`; the page itself shares its path with what the server says of itself."""
        media = tuple(sorted({kind.partition(";")[0] for kind in MEDIA_TYPES.values()} - {"text/html"}))
        return (
            Operation(
                "GET",
                "/web/settings.json",
                self.settings,
                "What pages must know of this server",
                PageSettings,
                keyed=False,
            ),
            Operation(
                "GET",
                "/web/{path:path}",
                self.file,
                "A file of the talk page, or of the element that pages embed",
                keyed=False,
                failures=(404,),
                answer_media=media,
            ),
        )

    async def page(self, request: Request) -> Response | None:
        """Return the talk page, if this server has one and the client wants to see pages."""
        if not self._settings.has_page or not _prefers_html(request.headers.get("accept", "")):
            return None
        file = await run_in_threadpool(self._files.find, _PAGE)
        return file.answer(request, self._page_headers(request)) if file else None

    async def settings(self, _request: Request) -> Response:
        headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
        return Response(self._told, headers=headers, media_type="application/json")

    async def file(self, request: Request) -> Response:
        name = request.path_params["path"]
        # A page must come from `/`, where it gets its policy.
        file = None if name.endswith(".html") else await run_in_threadpool(self._files.find, name)
        if file is None:
            raise RequestError(404, f"There is no file {name[:100]!r} under /web/.", "unknown_url")
        return file.answer(request, _FOR_ALL)

    def _page_headers(self, request: Request) -> Mapping[str, str]:
        return {
            "Content-Security-Policy": content_security_policy(
                request.headers.get("host", ""), self._settings.token_url
            ),
            "Permissions-Policy": "camera=(), geolocation=(), microphone=(self)",
            "Referrer-Policy": "no-referrer",
            "Vary": "Accept",
        }


def content_security_policy(host: str, token_url: str) -> str:
    """Return what the talk page may do.

    Args:
        host: That the request named. What is no host is left out.
        token_url: Where else than there the page may go.
    """
    connect = ["'self'"]
    if HOST.fullmatch(host):
        # In Safari, 'self' does not cover WebSockets. With TLS done in front of us, only the browser knows which it is.
        connect += [f"ws://{host}", f"wss://{host}"]
    parts = urlsplit(token_url)
    if parts.scheme:
        connect.append(f"{parts.scheme}://{parts.netloc}")
    directives = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "connect-src": " ".join(connect),
        "img-src": "'self' data:",
        "media-src": "'self' blob:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    return "; ".join(f"{name} {sources}" for name, sources in directives.items())


def _prefers_html(accept: str) -> bool:
    html = quality(accept, "text/html")
    return html > 0 and html > quality(accept, "application/json")
