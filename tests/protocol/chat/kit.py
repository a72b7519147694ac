"""What the tests of chat requests and answers share."""

import itertools
import json
from typing import Any

from antiphon.errors import MediaError
from antiphon.protocol.chat.exchange import Exchange, Send
from antiphon.protocol.chat.request import ChatRequest, read_request
from antiphon.protocol.chat.turn import Turn, turn_of
from antiphon.protocol.ids import Ids

_count = itertools.count()
ids = Ids(lambda size: next(_count).to_bytes(size))


def read_audio(data: bytes, name: str) -> bytes:
    if name != "wav":
        raise MediaError(f"the format {name} is not available")
    return b"pcm of " + data


def request(*messages: Any, **options: Any) -> ChatRequest:
    return read_request({"model": "gpt-realtime", "messages": list(messages), **options})


def turn(*messages: Any, joins: bool = False, **options: Any) -> Turn:
    return turn_of(request(*messages, **options), ids, read_audio, joins=joins)


def user(content: Any = "Hello.") -> dict[str, Any]:
    return {"role": "user", "content": content}


def bare(item: dict[str, Any]) -> dict[str, Any]:
    """Return an item without its id."""
    return {key: value for key, value in item.items() if key != "id"}


class Talk:
    """An exchange, and what it said."""

    def __init__(self, *messages: Any, joins: bool = False, **options: Any) -> None:
        self.exchange = Exchange(turn(*messages or (user(),), joins=joins, **options), "chat_k", joins=joins)
        self.said: list[dict[str, Any]] = [json.loads(message) for message in self.exchange.begin()]
        self.pieces: list[Any] = []

    def hear(self, kind: str, **fields: Any) -> None:
        for output in self.exchange.receive({"type": kind, **fields}):
            if isinstance(output, Send):
                self.said.append(json.loads(output.message))
            else:
                self.pieces.append(output)

    def hear_taken(self) -> None:
        """Every item is taken."""
        for event in list(self.said):
            if event["type"] == "conversation.item.create":
                self.hear("conversation.item.added", item={"id": event["item"]["id"]})

    def hear_begun(self, response_id: str = "resp_1", key: str | None = "chat_k") -> None:
        metadata = None if key is None else {"antiphon_chat": key}
        self.hear("response.created", response={"id": response_id, "metadata": metadata})

    def hear_done(self, response_id: str = "resp_1", status: str = "completed", **fields: Any) -> None:
        self.hear("response.done", response={"id": response_id, "status": status, **fields})

    def hear_text(self, text: str, item: str = "item_1", response_id: str = "resp_1") -> None:
        self.hear("response.output_text.delta", response_id=response_id, item_id=item, content_index=0, delta=text)

    def hear_error(self, **error: Any) -> None:
        self.hear("error", error=error)

    def kinds(self) -> list[str]:
        return [event["type"] for event in self.said]
