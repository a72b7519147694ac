"""Holds a conversation: brings session, connection, sound and display together."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, Protocol

from antiphon.errors import UpstreamError
from antiphon.talk.audio_devices import Loudspeaker, Microphone, load_sounddevice
from antiphon.talk.client import RealtimeClient
from antiphon.talk.display import Display
from antiphon.talk.files import PACKET_SAMPLES, FileMicrophone, SpokenQuestion, WavRecorder, every_packet, read_question
from antiphon.talk.options import TalkOptions
from antiphon.talk.outputs import Failed, Ready, Send, TurnDone
from antiphon.talk.playback import Playback
from antiphon.talk.session import TalkSession


class Sound(Protocol):
    """Where the user's audio comes from and answers go to."""

    def start(self) -> None:
        """Begin to hear and to play: the server is ready."""
        ...

    def begin_turn(self, session: TalkSession, now: float) -> bool:
        """Ask the next question; return False when there is none left."""
        ...

    def tick(self, session: TalkSession, now: float) -> None:
        """Send what was heard in the last 20 ms, and play the next."""
        ...

    def close(self) -> None: ...


class ScriptedSound:
    """Asks questions from files and texts one after another, and plays answers by the clock, into a file or nowhere.

    Args:
        options: The questions and the file for answers.
        playback: What to play.

    Raises:
        MediaError: A file cannot be read or written.
    """

    def __init__(self, options: TalkOptions, playback: Playback) -> None:
        self._questions: list[str | SpokenQuestion] = [
            read_question(question.file) if question.file is not None else question.text or ""
            for question in options.questions
        ]
        # Silence goes on between questions, as from a microphone; texts alone need none.
        self._sends_audio = any(isinstance(question, SpokenQuestion) for question in self._questions)
        self._asked = 0
        self._playback = playback
        self._microphone = FileMicrophone()
        self._recorder = WavRecorder(options.out) if options.out is not None else None

    def start(self) -> None:
        """Nothing to do: `tick` sets the pace."""

    def begin_turn(self, session: TalkSession, now: float) -> bool:
        if self._asked == len(self._questions):
            return False
        question = self._questions[self._asked]
        self._asked += 1
        session.begin_turn(now)
        if isinstance(question, SpokenQuestion):
            self._microphone.start(question)
        else:
            session.ask(question, now)
        return True

    def tick(self, session: TalkSession, now: float) -> None:
        if self._sends_audio:
            packet, since_speech = self._microphone.read()
            session.send_audio(packet, now)
            if since_speech is not None:
                session.end_speech(now - since_speech)
        heard = self._playback.take(PACKET_SAMPLES)
        if self._recorder is not None:
            self._recorder.write(heard)

    def close(self) -> None:
        if self._recorder is not None:
            self._recorder.close()


class LiveSound:
    """The microphone and the loudspeaker.

    Raises:
        MissingExtraError: sounddevice is not installed.
        MediaError: There is no PortAudio or no such device.
    """

    def __init__(self, options: TalkOptions, playback: Playback) -> None:
        sounddevice = load_sounddevice()
        self._microphone = Microphone(sounddevice, options.input_device)
        self._loudspeaker = Loudspeaker(sounddevice, options.output_device, playback)

    def start(self) -> None:
        self._loudspeaker.start()
        self._microphone.start()

    def begin_turn(self, session: TalkSession, now: float) -> bool:  # noqa: ARG002 - the user begins turns
        return True

    def tick(self, session: TalkSession, now: float) -> None:
        heard = self._microphone.read()
        if heard:
            session.send_audio(heard, now)

    def close(self) -> None:
        self._microphone.close()
        self._loudspeaker.close()


class Conversation:
    """One conversation under way: turns the session's outputs into deeds.

    Args:
        session: Decides.
        sound: Hears and plays.
        display: Shows.
        send: Sends an event to the server.
    """

    def __init__(
        self, session: TalkSession, sound: Sound, display: Display, send: Callable[[dict[str, Any]], None]
    ) -> None:
        self._session = session
        self._sound = sound
        self._display = display
        self._send = send
        self.is_over = asyncio.Event()
        self.failure: str | None = None

    def receive(self, event: dict[str, Any], now: float) -> None:
        """Take a server event."""
        self._session.receive_event(event, now)
        self._carry_out(now)

    def tick(self, now: float) -> None:
        """Do what is due every 20 ms."""
        if self.is_over.is_set():
            return
        if self._session.is_ready:
            self._sound.tick(self._session, now)
        self._session.tick(now)
        self._carry_out(now)

    def stop(self, reason: str, now: float) -> None:
        """End it before its time."""
        self._session.stop(reason)
        self.is_over.set()
        self._carry_out(now)

    def _carry_out(self, now: float) -> None:
        """Do what the session wants, which may open a turn, which gives it more to want."""
        opens = False
        for output in self._session.outputs():
            if isinstance(output, Send):
                self._send(output.event)
                continue
            self._display.show(output, now)
            if isinstance(output, Failed):
                self.failure = output.message
                self.is_over.set()
            elif isinstance(output, Ready):
                self._sound.start()
            opens = opens or isinstance(output, Ready | TurnDone)
        if opens and not self.is_over.is_set():
            self._begin_turn(now)

    def _begin_turn(self, now: float) -> None:
        if self._sound.begin_turn(self._session, now):
            self._carry_out(now)
        else:
            self.is_over.set()


async def talk(options: TalkOptions, display: Display) -> None:
    """Hold the conversation that `options` ask for; with the microphone, until it is cancelled.

    Raises:
        UpstreamError: The server cannot be reached, ends the conversation, or leaves a turn without its answer.
        MediaError: A file or a sound device cannot be used.
        MissingExtraError: The sound devices need the extra `audio`.
    """
    playback = Playback()
    sound: Sound = ScriptedSound(options, playback) if options.questions else LiveSound(options, playback)
    loop = asyncio.get_running_loop()
    session = TalkSession(options, playback, loop.time())
    client = RealtimeClient(options.address, options.key, lambda event: conversation.receive(event, loop.time()))
    conversation = Conversation(session, sound, display, client.send)
    try:
        await client.open(options.timeout)
        await _hold(conversation, client, session, loop)
    finally:
        sound.close()
        await client.close()
    _check_turns(session, client)


async def _hold(
    conversation: Conversation, client: RealtimeClient, session: TalkSession, loop: asyncio.AbstractEventLoop
) -> None:
    """Run until the conversation is over.

    Raises:
        UpstreamError: The server ends it, or it cannot go on.
    """
    ticking = asyncio.create_task(every_packet(conversation.tick, loop.time))
    closing = asyncio.create_task(client.closed())
    ending = asyncio.create_task(conversation.is_over.wait())
    tasks = (ticking, closing, ending)
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if ticking.done():
            ticking.result()  # it ends only by an error of our own
        if conversation.failure is not None:
            raise UpstreamError(client.clean(conversation.failure))
        if not ending.done():
            reason = client.explain(closing.result(), session.last_error)
            conversation.stop(reason, loop.time())
            raise UpstreamError(reason)
    finally:
        for task in tasks:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks, return_exceptions=True)


def _check_turns(session: TalkSession, client: RealtimeClient) -> None:
    failed = [turn for turn in session.results if turn.status != "completed"]
    if failed:
        turn = failed[0]
        reason = turn.reason or "the server gave no reason"
        raise UpstreamError(
            f"{len(failed)} of {len(session.results)} turns got no completed answer; "
            f"turn {turn.turn}: {client.clean(f'{turn.status}, {reason}')}"
        )
