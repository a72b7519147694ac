"""The process that holds espeak-ng: `python -m antiphon.stages.tts.espeak_worker`, driven through its pipes.

espeak-ng is GPL-3.0 and keeps global state, so it lives here alone and speaks one text after the other. Messages in
both directions are a header (kind, request id, payload length) and a payload:

    in   S  JSON: text, rate, voices                        speak in the first of the voices that there is
    in   C  -                                          cancel a request that waits or runs
    out  R  JSON: sample rate                          ready, once
    out  A  mark count, marks (start, length, sample), PCM16
    out  D  -                                          done, also when cancelled
    out  E  UTF-8                                      this request failed

Only the standard library is imported, so that the process is small and starts fast.
"""

import ctypes
import json
import os
import queue
import signal
import struct
import sys
import threading
from array import array
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, BinaryIO

HEADER = struct.Struct("<cII")
MARK_COUNT = struct.Struct("<I")
MARK = struct.Struct("<III")

LEAD_SECONDS = 0.004  # silence left in front of speech; espeak makes 12 ms of it
LEAD_LEVEL = 32  # the greatest amplitude that counts as silence, -60 dBFS

# Names and values of speak_lib.h.
_AUDIO_OUTPUT_SYNCHRONOUS = 2
_INITIALIZE_DONT_EXIT = 0x8000
_CHARS_UTF8 = 1
_END_PAUSE = 0x1000
_RATE, _PITCH, _RANGE = 1, 3, 4
_EVENT_END, _EVENT_WORD = 0, 1
_BUFFER_MS = 60


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(_Event))


@dataclass
class Utterance:
    """Audio of one text on its way out: leading silence is cut, and each mark leaves with its sample."""

    lead_samples: int
    cut: int = 0  # samples cut so far, all of them at the beginning
    sent: int = 0
    speaking: bool = False
    marks: list[tuple[int, int, int]] = field(default_factory=list)

    def mark(self, start: int, length: int, sample: int) -> None:
        """Note a word; `sample` counts from the first sample that espeak made."""
        self.marks.append((start, length, sample))

    def take(self, pcm: bytes) -> bytes:
        """Take PCM16 from espeak; return the payload to send, b"" if there is none."""
        if not self.speaking:
            pcm = self._without_lead(pcm)
        return self._payload(pcm, self.sent + len(pcm) // 2) if pcm else b""

    def finish(self) -> bytes:
        """Return the payload of words that were announced beyond the last sample, b"" if there are none."""
        return self._payload(b"", sys.maxsize) if self.marks else b""

    def _without_lead(self, pcm: bytes) -> bytes:
        samples = array("h", pcm)
        loud = next((index for index, value in enumerate(samples) if abs(value) > LEAD_LEVEL), len(samples))
        self.speaking = loud < len(samples)
        cut = max(0, loud - self.lead_samples) if self.speaking else len(samples)
        self.cut += cut
        return pcm[2 * cut :]

    def _payload(self, pcm: bytes, end: int) -> bytes:
        begun = [mark for mark in self.marks if mark[2] - self.cut < end]
        self.marks = [mark for mark in self.marks if mark[2] - self.cut >= end]
        self.sent += len(pcm) // 2
        words = (MARK.pack(start, length, max(0, sample - self.cut)) for start, length, sample in begun)
        return b"".join((MARK_COUNT.pack(len(begun)), *words, pcm))


class Espeak:
    """The library itself, through ctypes."""

    def __init__(self) -> None:
        espeakng_loader: Any = import_module("espeakng_loader")  # GPL-3.0 and optional: loaded in this process alone
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        data = os.fsencode(espeakng_loader.get_data_path())
        self.rate = self._library.espeak_Initialize(_AUDIO_OUTPUT_SYNCHRONOUS, _BUFFER_MS, data, _INITIALIZE_DONT_EXIT)
        if self.rate <= 0:
            raise RuntimeError(f"espeak-ng did not start with its data in {os.fsdecode(data)}")
        self._library.espeak_SetVoiceByName.argtypes = [ctypes.c_char_p]
        self._library.espeak_Synth.argtypes = [
            ctypes.c_char_p,
            ctypes.c_size_t,
            ctypes.c_uint,
            ctypes.c_int,
            ctypes.c_uint,
            ctypes.c_uint,
            ctypes.c_void_p,
            ctypes.c_void_p,
        ]
        self._voice = ""

    def choose(self, voices: list[tuple[str, int, int]], rate: int) -> None:
        """Select the first voice (name, pitch, pitch range) that espeak has, at `rate` words a minute."""
        for name, pitch, pitch_range in voices:
            if name == self._voice or self._library.espeak_SetVoiceByName(name.encode()) == 0:
                self._voice = name
                for parameter, value in ((_RATE, rate), (_PITCH, pitch), (_RANGE, pitch_range)):
                    self._library.espeak_SetParameter(parameter, value, 0)
                return
        raise RuntimeError(f"espeak-ng has none of the voices {[name for name, _, _ in voices]}")

    def speak(self, text: str, receive: Any) -> None:
        """Speak `text`; `receive(pcm, events)` gets each piece and returns 1 to stop."""

        def on_audio(wave: int | None, samples: int, events: Any) -> int:
            pcm = ctypes.string_at(wave, 2 * samples) if wave and samples > 0 else b""
            return int(receive(pcm, events))

        callback = _Callback(on_audio)
        self._library.espeak_SetSynthCallback(callback)
        data = text.encode()
        # Plain text: neither SSML nor phonemes in brackets are read as commands.
        status = self._library.espeak_Synth(data, len(data) + 1, 0, 1, 0, _CHARS_UTF8 | _END_PAUSE, None, None)
        if status != 0:
            raise RuntimeError(f"espeak-ng refused the text (status {status})")


class Worker:
    """Reads requests in a thread and speaks them in order in the main one."""

    def __init__(self, source: BinaryIO, target: BinaryIO, espeak: Espeak) -> None:
        self._source, self._target, self._espeak = source, target, espeak
        self._requests: queue.SimpleQueue[tuple[int, dict[str, Any]] | None] = queue.SimpleQueue()
        self._cancelled: set[int] = set()
        self._closed = False

    def run(self) -> None:
        threading.Thread(target=self._read, name="requests", daemon=True).start()
        self._send(b"R", 0, json.dumps({"rate": self._espeak.rate}).encode())
        while request := self._requests.get():
            self._answer(*request)

    def _read(self) -> None:
        while len(header := self._source.read(HEADER.size)) == HEADER.size:
            kind, number, size = HEADER.unpack(header)
            payload = self._source.read(size)
            if kind == b"S":
                self._requests.put((number, json.loads(payload)))
            else:
                self._cancelled.add(number)
        self._closed = True  # the parent is gone
        self._requests.put(None)

    def _answer(self, number: int, request: dict[str, Any]) -> None:
        try:
            if number not in self._cancelled:
                self._speak(number, request)
        except Exception as error:  # a text that fails must not take the worker down
            self._send(b"E", number, str(error).encode(errors="replace"))
        else:
            self._send(b"D", number)
        self._cancelled.discard(number)

    def _speak(self, number: int, request: dict[str, Any]) -> None:
        utterance = Utterance(round(LEAD_SECONDS * self._espeak.rate))

        def receive(pcm: bytes, events: Any) -> int:
            for event in _words(events):
                utterance.mark(event.text_position - 1, event.length, event.sample)
            if payload := utterance.take(pcm):
                self._send(b"A", number, payload)
            return int(self._closed or number in self._cancelled)

        self._espeak.choose(request["voices"], request["rate"])
        self._espeak.speak(request["text"], receive)
        if payload := utterance.finish():
            self._send(b"A", number, payload)

    def _send(self, kind: bytes, number: int, payload: bytes = b"") -> None:
        self._target.write(HEADER.pack(kind, number, len(payload)) + payload)
        self._target.flush()


def _words(events: Any) -> list[_Event]:
    """Return the word events of espeak's list, which ends with an event of type 0."""
    words = []
    index = 0
    while events and events[index].type != _EVENT_END:
        if events[index].type == _EVENT_WORD:
            words.append(events[index])
        index += 1
    return words


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides when to end
    messages = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not end up among the messages
    try:
        Worker(sys.stdin.buffer, messages, Espeak()).run()
    except BrokenPipeError:
        os._exit(0)  # the parent went away while audio was being sent


if __name__ == "__main__":
    main()
