"""Ask a recorded question in a WebRTC call and save the spoken answer, without a browser.

    python examples/webrtc_client.py question.wav answer.wav

The recording may have any rate. Needs `pip install openai aiortc`.
"""

import asyncio
import json
import os
import sys

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.contrib.media import MediaPlayer, MediaRecorder
from openai import AsyncOpenAI

BASE_URL = os.environ.get("OPENAI_BASE_URL", "http://127.0.0.1:8080/v1")
SESSION = {
    "type": "realtime",
    "model": "gpt-realtime",
    "audio": {"input": {"transcription": {"model": "whisper-1"}}},
}


async def begin(client: AsyncOpenAI, connection: RTCPeerConnection) -> str:
    """Send the offer, take the answer; return the call's id."""
    await connection.setLocalDescription(await connection.createOffer())
    answer = await client.realtime.calls.create(sdp=connection.localDescription.sdp, session=SESSION)
    await connection.setRemoteDescription(RTCSessionDescription(answer.text, "answer"))
    return answer.response.headers["location"].rpartition("/")[2]


async def ask(question: str, answer: str) -> None:
    """Play a file into a call, and record until the answer was heard."""
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    recorder = MediaRecorder(answer)
    heard = asyncio.Event()

    # Audio goes and comes as media; everything else is an event on the data channel.
    connection.addTrack(MediaPlayer(question).audio)
    connection.on("track", recorder.addTrack)
    channel = connection.createDataChannel("oai-events")

    @channel.on("message")
    def on_message(message: str) -> None:
        event = json.loads(message)
        if event["type"] == "conversation.item.input_audio_transcription.completed":
            print("you:", event["transcript"])
        elif event["type"] == "response.output_audio_transcript.done":
            print("assistant:", event["transcript"])
        elif event["type"] == "output_audio_buffer.stopped":
            heard.set()

    client = AsyncOpenAI(base_url=BASE_URL, api_key=os.environ.get("OPENAI_API_KEY", "none"))
    try:
        print("call:", await begin(client, connection))
        await recorder.start()
        await asyncio.wait_for(heard.wait(), timeout=60)
    finally:
        await recorder.stop()
        await connection.close()


if __name__ == "__main__":
    asyncio.run(ask(*sys.argv[1:3]))
