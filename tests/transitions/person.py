"""Somebody who holds one conversation over several connections, one after the other."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx2

from antiphon.gateway.server import Server
from tests.resilience.model import INSTRUCTIONS
from tests.resilience.phases import TOOL
from tests.transitions.lines import LINES, MODEL, PATIENCE, Event, Line
from tests.transitions.sound import RATE, words_in

# Of audio whose first part was heard as media; its events come when it is handed over.
AUDIO = ("response.output_audio.delta", "response.output_audio.done")


class Person:
    """A client; what it got over all its connections is in `events`.

    Args:
        server: The one it talks to.
    """

    def __init__(self, server: Server) -> None:
        self.server = server
        self.lines: list[Line] = []
        self.chatting: asyncio.Task[str] | None = None

    @property
    def line(self) -> Line:
        return self.lines[-1]

    @property
    def events(self) -> list[Event]:
        return [event for line in self.lines for event in line.events]

    @property
    def token(self) -> str:
        return str(self.all("antiphon.session.resumable")[0]["token"])

    # --- connecting -------------------------------------------------------------------------------------------

    async def connect(self, kind: str, **query: str) -> None:
        self.lines.append(LINES[kind](self.server, query))
        await self.line.open()

    async def come_back(self, kind: str, **query: str) -> None:
        """Connect anew, and say what came last."""
        await self.connect(kind, resume=self.token, last_event_id=self.events[-1]["event_id"], **query)
        await self.until("antiphon.session.resumed", sum(1 for line in self.lines[1:] if isinstance(line, Line)))

    async def close(self) -> None:
        if self.chatting is not None:
            self.chatting.cancel()
            await asyncio.gather(self.chatting, return_exceptions=True)
        for line in self.lines:
            await line.close()

    # --- speaking ---------------------------------------------------------------------------------------------

    async def send(self, kind: str, **fields: Any) -> None:
        await self.line.send({"type": kind, **fields})

    async def write(self, item_id: str, text: str) -> None:
        content = [{"type": "input_text", "text": text}]
        item = {"id": item_id, "type": "message", "role": "user", "content": content}
        await self.send("conversation.item.create", item=item)

    async def ask(self, item_id: str, text: str) -> None:
        """Ask in writing, and wait until there is a response to it."""
        before = len(self.all("response.created"))
        await self.write(item_id, text)
        await self.send("response.create")
        await self.until("response.created", before + 1)

    async def configure(self) -> None:
        hears = {"turn_detection": None, "transcription": {"model": "whisper-1"}}
        session = {"type": "realtime", "instructions": INSTRUCTIONS, "tools": [TOOL], "audio": {"input": hears}}
        await self.send("session.update", session=session)
        await self.until("session.updated")

    async def chat(self, *messages: dict[str, Any]) -> str:
        """Ask by chat, within the conversation; return the answer."""
        async with httpx2.AsyncClient(verify=False, trust_env=False, timeout=PATIENCE) as http:
            answer = await http.post(
                f"http://127.0.0.1:{self.server.port}/v1/chat/completions",
                json={"model": MODEL, "messages": list(messages)},
                headers={"Antiphon-Session": self.token},
            )
        assert answer.status_code == 200, answer.text
        return str(answer.json()["choices"][0]["message"]["content"]).strip()

    # --- listening --------------------------------------------------------------------------------------------

    def all(self, kind: str) -> list[Event]:
        return [event for event in self.events if event["type"] == kind]

    async def until(self, kind: str, nth: int = 1) -> Event:
        """Return the `nth` event of that type, also if it came before."""
        line = self.line
        try:
            async with asyncio.timeout(PATIENCE):
                while len(found := self.all(kind)) < nth:
                    assert not line.ended.is_set(), f"the line ended before {kind} number {nth}: {line.reason}"
                    line.news.clear()
                    await line.news.wait()
        except TimeoutError:
            kinds = [event["type"] for event in self.events]
            raise TimeoutError(f"{kind} number {nth} did not come; the last that came: {kinds[-14:]}") from None
        return found[nth - 1]

    async def until_heard(self, word: str) -> None:
        """Wait until a word has been heard."""
        looked_at = 0
        async with asyncio.timeout(PATIENCE):
            while True:
                audio = self.line.heard()
                if word in [text for text, _ in words_in(audio[looked_at:])]:
                    return
                looked_at = max(audio.size - RATE // 5, 0)
                await asyncio.sleep(0.02)


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something is so that nobody tells of."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - as said
            await asyncio.sleep(0.01)
