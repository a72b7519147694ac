"""A page with a voice, for those who are logged in; the API key stays here.

    make run

Log in as `guest` with the password `maple`.
"""

import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

import httpx
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse
from fastapi.security import HTTPBasic, HTTPBasicCredentials

ANTIPHON_URL = os.environ.get("ANTIPHON_URL", "http://127.0.0.1:8080")
ANTIPHON_API_KEY = os.environ.get("ANTIPHON_API_KEY", "none")
PASSWORDS = {"guest": "maple"}  # the stand-in for your own accounts
PAGE = (Path(__file__).parent / "page.html").read_text().replace("ANTIPHON_URL", ANTIPHON_URL)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    headers = {"Authorization": f"Bearer {ANTIPHON_API_KEY}"}
    async with httpx.AsyncClient(base_url=f"{ANTIPHON_URL}/v1", headers=headers) as antiphon:
        app.state.antiphon = antiphon
        yield


app = FastAPI(lifespan=lifespan)


def user(given: Annotated[HTTPBasicCredentials, Depends(HTTPBasic())]) -> str:
    """Return who is logged in."""
    wanted = PASSWORDS.get(given.username, "")
    if not wanted or not secrets.compare_digest(given.password.encode(), wanted.encode()):
        raise HTTPException(401, "wrong name or password", {"WWW-Authenticate": "Basic"})
    return given.username


User = Annotated[str, Depends(user)]


@app.get("/", dependencies=[Depends(user)])
async def page() -> HTMLResponse:
    return HTMLResponse(PAGE)


@app.post("/token")
async def token(request: Request, user: User) -> dict[str, Any]:
    """Return a client secret, with which the page may begin a conversation within the next minute."""
    wanted = {
        "expires_after": {"anchor": "created_at", "seconds": 60},
        "session": {"type": "realtime", "model": "gpt-realtime", "instructions": f"You talk to {user}. Be brief."},
    }
    try:
        answer = await request.app.state.antiphon.post("/realtime/client_secrets", json=wanted)
        answer.raise_for_status()
    except httpx.HTTPError as error:
        raise HTTPException(502, "the voice server gave no token") from error
    secret = answer.json()
    # The page's client asks for that model, and needs no more of the session.
    session = {"model": secret["session"]["model"]}
    return {"value": secret["value"], "expires_at": secret["expires_at"], "session": session}
