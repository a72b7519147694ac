"""The page of resilience, made of a run of the matrix: `python -m tests.resilience.table > docs/resilience.md`."""

import asyncio
import logging
import re
import sys

import uvloop

from tests.resilience.faults import TROUBLES
from tests.resilience.matrix import Cell, run_matrix
from tests.resilience.phases import PHASES
from tests.resilience.scene import CONNECT_SECONDS, PING_SECONDS, SILENCE_SECONDS

_GAP = re.compile(r" · \d+ ms")

HEAD = f"""\
# What a client sees when something breaks

Each cell of this table is a call over real sockets: client, Antiphon, and an upstream (the [emulator](emulator.md))
that fails in the way and at the moment that row and column say. The page is written by the tests that prove it.

In every call the client configures the session (instructions, a tool), writes a message, speaks a turn and hears the
answer; then comes the moment, and a message is sent right into it, but where silence is the fault; then the rest of the
turn, and one more question to show that the call goes on. Before the session is ready, all of that is sent without
waiting. A cell stands here only if all of this held:

- **Legal.** Every event is one of the API's, by the types of OpenAI's SDK, and they come in its order: one
  `session.created`, one `response.done` for each `response.created`, no item added or ended twice, no id twice.
- **Nothing lost.** At the end the model knows the instructions, the tool and every turn, in order and once, and the
  server knows them by the client's ids. Each 20 ms of the user's voice has a level of its own: all of the turn
  reached the server that answered it, once and in order.
- **Nothing said twice.** Each word of the assistant's has a level of its own, too: what was heard is the answer, with
  no word missing or doubled, and its transcript says the same.

## How to read a cell

What the client saw, then the gap: the milliseconds from the fault until the next server, or the same one again, serves
the call; where a session is replaced before its end, from that moment to the first event. Meanwhile what the client
sends is kept, and what it was sent before plays on. No gap is shown where nobody had to take over. “Nothing” means that
the events were those of a call in which nothing went wrong. The last column says what could not be kept.

The gaps are of one run on one machine, several calls side by side, and vary. There is no network in them, and times
that are set short for the test: `relay.silence_seconds` is {SILENCE_SECONDS} (by default 20), `connect_seconds`
{CONNECT_SECONDS} (10), `ping_seconds` {PING_SECONDS} (20). A route that could not be reached rests for 0.25 to 0.5 s
before it is tried again, which is most of the gap where there is no other route.

"""
FOOT = """
## What cannot be kept

- **Half of a transcript.** A turn whose server is lost before its transcript came is spoken to the next one again and
  transcribed there; its deltas do not come a second time, but for the whole at the end. A server that does not take a
  turn so is told of it as an item with its audio, and `conversation.item.input_audio_transcription.failed` comes behind
  the answer, unless that server transcribes such items.
- **The sound of what was said before.** A fresh server is told of the assistant's speech in words, and of the user's
  too, once there is a transcript. It knows what was said, not how.
- **The middle of a sentence.** An answer that was cut goes on in a second item of the same response, at the word where
  it stopped. The embedded engine's own responder cannot be asked to do that: the response ends as `failed`.
- **MCP.** Items of MCP tools are made by servers alone, and no server takes them from another.
- **What a server spoils.** An event that is no JSON costs its server the call, and the next one brings what was in it.
  A binary message, which the API does not have, is taken as text. Events in the wrong order are passed on as they came.
- **An answer that three servers in a row are lost over**, with not a word more from any of them: the response ends as
  `failed`, and a request that never got its response is refused with `upstream_did_not_answer`. Each try costs money.
- **The call**, when no route is left: the client is told why, by an `error` event and a close code, after
  `relay.give_up_seconds`.

## Settings that matter

| setting | what it changes here |
|---|---|
| further `[[upstream]]`, `relay.fallback` | with a second route the gap is that of a connection |
| `standby` of an upstream | a connection that is ready before it is needed |
| `relay.silence_seconds` | how long a stuck server is believed |
| `connect_seconds` of an upstream | how long an upgrade or a session is waited for |
| `relay.cut_response` | `end`: an answer that was cut ends, as `failed` |
| `relay.held_seconds`, `relay.held_mb` | what is kept of the gap |
| `relay.give_up_seconds` | how long a call waits for any route |
| `server.resume_seconds` | how long a client that was lost may come back |

All are in [settings.md](settings.md); [relay.md](relay.md) says how they work together.

## Run it

`make docs` runs the whole table and writes this page anew. The tests in `tests/resilience/` run it too, and fail when a
cell says something else than here, the milliseconds aside.
"""


def run() -> list[Cell]:
    """Run the whole matrix."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(run_matrix())


def to_markdown(cells: list[Cell]) -> str:
    """Return docs/resilience.md."""
    by_place = {(cell.trouble, cell.phase): cell for cell in cells}
    names = [phase.name for phase in PHASES]
    lines = [f"| fault | {' | '.join(names)} | lost |", f"|---|{'---|' * len(names)}---|"]
    for trouble in TROUBLES:
        shown = [_shown(by_place[trouble.name, name]) for name in names]
        lines.append(f"| {trouble.name} | {' | '.join(shown)} | {trouble.lost} |")
    return HEAD + "\n".join(lines) + "\n" + FOOT


def without_gaps(page: str) -> str:
    """Return the page without what differs from run to run."""
    return _GAP.sub("", page)


def _shown(cell: Cell) -> str:
    return cell.saw if cell.gap_ms is None else f"{cell.saw} · {cell.gap_ms:.0f} ms"


def main() -> int:
    logging.disable(logging.WARNING)  # of every fault there is one
    cells = run()
    bad = [f"{cell.trouble}, {cell.phase}: {problem}" for cell in cells for problem in cell.problems]
    print("\n".join(bad), file=sys.stderr, end="\n" if bad else "")  # noqa: T201
    print(to_markdown(cells), end="")  # noqa: T201
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
