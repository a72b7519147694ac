"""`antiphon talk`: speak with any Realtime server."""

import argparse
import asyncio
import math
import os
import sys
from pathlib import Path

from antiphon.errors import ConfigError
from antiphon.talk.address import read_address, read_key
from antiphon.talk.options import Question, TalkOptions

DEFAULT_URL = "ws://127.0.0.1:8080/v1/realtime"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "Without --in and --text, the microphone and the loudspeaker are used; Ctrl-C ends it."
    server = parser.add_argument_group("the server")
    server.add_argument("--url", default=DEFAULT_URL, help="where it is, with or without /v1/realtime (%(default)s)")
    server.add_argument("--key", help="its key (default: OPENAI_API_KEY or ANTIPHON_API_KEY in the environment)")
    server.add_argument("--model", default="gpt-realtime", help="the model to ask for (%(default)s)")
    server.add_argument("--timeout", type=_seconds, default=30.0, metavar="SECONDS", help="longest wait (%(default)g)")
    _add_conversation(parser.add_argument_group("the conversation"))
    devices = parser.add_argument_group("sound devices (extra: audio)")
    devices.add_argument("--input-device", type=_device, metavar="DEVICE", help="microphone: number or part of name")
    devices.add_argument("--output-device", type=_device, metavar="DEVICE", help="loudspeaker: number or part of name")
    devices.add_argument("--list-devices", action="store_true", help="show the sound devices and end")


def _add_conversation(group: "argparse._ArgumentGroup") -> None:
    group.add_argument(
        "--in",
        dest="questions",
        action="append",
        type=_file_question,
        metavar="FILE",
        help="speak this WAV file; repeat it, and mix it with --text, for several turns",
    )
    group.add_argument(
        "--text", dest="questions", action="append", type=_text_question, metavar="QUESTION", help="write this question"
    )
    group.add_argument("--out", type=Path, metavar="FILE", help="write what the user would hear to this WAV file")
    group.add_argument("--voice", help="the voice to ask for")
    group.add_argument("--instructions", help="the instructions to give the model")
    group.add_argument("--text-only", action="store_true", help="have answers written instead of spoken")
    group.add_argument("--no-transcription", action="store_true", help="do not ask for transcripts of the questions")
    group.add_argument("--json", action="store_true", help="print one JSON object a line")


def _file_question(text: str) -> Question:
    return Question(file=Path(text))


def _text_question(text: str) -> Question:
    if not text.strip():
        raise argparse.ArgumentTypeError("the question is empty")
    return Question(text=text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return seconds


def _device(text: str) -> int | str:
    return int(text) if text.isdecimal() else text


def run(arguments: argparse.Namespace) -> int:
    # Imported here: other commands need neither picows nor numpy to start.
    from antiphon.talk.audio_devices import list_devices  # noqa: PLC0415
    from antiphon.talk.display import make_display  # noqa: PLC0415
    from antiphon.talk.talk import talk  # noqa: PLC0415

    if arguments.list_devices:
        print(list_devices())
        return 0
    options = read_options(arguments)
    display = make_display(sys.stdout, options.address.shown, json=options.json)
    try:
        asyncio.run(talk(options, display))
        display.close()
    except BrokenPipeError:
        # Who read the output has gone; nothing may be written any more, not even at exit.
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115
        return 1
    except BaseException:
        display.close()
        raise
    return 0


def read_options(arguments: argparse.Namespace) -> TalkOptions:
    """Return what the command line asks for.

    Raises:
        ConfigError: An option is wrong, or has no use beside the others.
    """
    address = read_address(arguments.url, arguments.model)
    if arguments.out is not None and not arguments.questions:
        raise ConfigError("--out: only answers to --in and --text can be recorded; add one of these")
    return TalkOptions(
        address=address,
        key=read_key(arguments.key, address, os.environ),
        questions=tuple(arguments.questions or ()),
        out=arguments.out,
        voice=arguments.voice,
        instructions=arguments.instructions,
        text_only=arguments.text_only,
        transcription=not arguments.no_transcription,
        timeout=arguments.timeout,
        json=arguments.json,
        input_device=arguments.input_device,
        output_device=arguments.output_device,
    )
