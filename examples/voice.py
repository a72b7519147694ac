"""Ask a recorded question and save the spoken answer.

    python examples/voice.py question.wav answer.wav

The recording is PCM16, mono, 24000 Hz; the answer has the same format. Needs `pip install "openai[realtime]"`.
"""

import asyncio
import base64
import os
import sys
import wave

from openai import AsyncOpenAI

BASE_URL = os.environ.get("OPENAI_BASE_URL", "http://127.0.0.1:8080/v1")
RATE = 24_000


async def ask(question: bytes) -> bytes:
    """Return the spoken answer to a spoken question, both PCM16 at 24000 Hz."""
    client = AsyncOpenAI(base_url=BASE_URL, api_key=os.environ.get("OPENAI_API_KEY", "none"))
    answer = b""
    async with client.realtime.connect(model="gpt-realtime") as connection:
        # The whole recording is one turn: no turn detection, a commit at its end.
        audio = {"input": {"turn_detection": None, "transcription": {"model": "whisper-1"}}}
        await connection.session.update(session={"type": "realtime", "audio": audio})
        await connection.input_audio_buffer.append(audio=base64.b64encode(question).decode())
        await connection.input_audio_buffer.commit()
        await connection.response.create()
        async for event in connection:
            if event.type == "response.output_audio.delta":
                answer += base64.b64decode(event.delta)
            elif event.type == "conversation.item.input_audio_transcription.completed":
                print("you:", event.transcript)
            elif event.type == "response.output_audio_transcript.done":
                print("assistant:", event.transcript)
            elif event.type == "response.done":
                return answer
    return answer


def main() -> None:
    source, target = sys.argv[1:3]
    with wave.open(source) as recording:
        if (recording.getframerate(), recording.getnchannels(), recording.getsampwidth()) != (RATE, 1, 2):
            sys.exit(f"{source}: PCM16, mono, {RATE} Hz is needed")
        question = recording.readframes(recording.getnframes())
    answer = asyncio.run(ask(question))
    with wave.open(target, "wb") as result:
        result.setnchannels(1)
        result.setsampwidth(2)
        result.setframerate(RATE)
        result.writeframes(answer)


if __name__ == "__main__":
    main()
