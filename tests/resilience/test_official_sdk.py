"""The official SDK, which knows nothing of all this, over a connection that breaks in the middle of an answer."""

import openai

from tests.resilience.model import ASK, STORY
from tests.resilience.scene import House, Scene


async def test_an_answer_is_whole_though_its_server_was_lost_in_the_middle() -> None:
    scene = Scene(House(), hold="speaking")
    await scene.start()
    client = openai.AsyncOpenAI(api_key="any", base_url=f"http://127.0.0.1:{scene.gateway.port}/v1", max_retries=0)
    async with client.realtime.connect(model="gpt-realtime") as connection:
        await connection.conversation.item.create(
            item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": ASK}]}
        )
        await connection.response.create()
        heard: dict[str, str] = {}
        async for event in connection:
            if event.type == "response.output_audio_transcript.delta":
                heard[event.item_id] = heard.get(event.item_id, "") + event.delta
                if not scene.struck and len(heard[event.item_id].split()) == 3:
                    scene.strikes()
                    scene.first.drop_all()
            elif event.type == "response.done":
                assert event.response.status == "completed"
                break
    await client.close()
    await scene.stop()
    assert len(heard) == 2
    assert " ".join(" ".join(heard.values()).split()) == STORY
