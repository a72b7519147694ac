"""Let the assistant call a function of yours and say what came of it.

    python examples/function_call.py

Needs `pip install "openai[realtime]"`.
"""

import asyncio
import json
import os

from openai import AsyncOpenAI

BASE_URL = os.environ.get("OPENAI_BASE_URL", "http://127.0.0.1:8080/v1")
TOOL = {
    "type": "function",
    "name": "book_viewing",
    "description": "Book a viewing of the property.",
    "parameters": {
        "type": "object",
        "properties": {"day": {"type": "string", "enum": ["Friday", "Saturday"], "description": "day of the viewing"}},
        "required": ["day"],
    },
}


def book_viewing(day: str) -> dict[str, str]:
    return {"status": "booked", "day": day, "time": "3 pm"}


async def main() -> None:
    client = AsyncOpenAI(base_url=BASE_URL, api_key=os.environ.get("OPENAI_API_KEY", "none"))
    async with client.realtime.connect(model="gpt-realtime") as connection:
        await connection.session.update(session={"type": "realtime", "output_modalities": ["text"], "tools": [TOOL]})
        request = {"type": "input_text", "text": "Please book a viewing for me on Saturday."}
        await connection.conversation.item.create(item={"type": "message", "role": "user", "content": [request]})
        await connection.response.create()
        async for event in connection:
            if event.type == "response.function_call_arguments.done":
                result = book_viewing(**json.loads(event.arguments))
                print(f"{event.name}({event.arguments}) -> {result}")
                await connection.conversation.item.create(
                    item={"type": "function_call_output", "call_id": event.call_id, "output": json.dumps(result)}
                )
            elif event.type == "response.output_text.done":
                print("assistant:", event.text)
            elif event.type == "response.done":
                if event.response.output[0].type != "function_call":
                    return
                await connection.response.create()


asyncio.run(main())
