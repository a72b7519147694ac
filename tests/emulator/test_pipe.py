"""The line of steps behind every fault that takes time; its clock is moved by hand."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

from antiphon.testing.pipe import Pipe


class Handle:
    def __init__(self, at: float, call: Callable[[], None]) -> None:
        self.at = at
        self.call = call
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class Loop:
    """An event loop's clock."""

    def __init__(self) -> None:
        self.now = 0.0
        self.handles: list[Handle] = []

    def call_later(self, seconds: float, call: Callable[[], None]) -> Handle:
        self.handles.append(Handle(self.now + seconds, call))
        return self.handles[-1]

    def advance(self, seconds: float) -> None:
        end = self.now + seconds
        while due := [handle for handle in self.handles if handle.at <= end]:
            handle = min(due, key=lambda each: each.at)
            self.handles.remove(handle)
            self.now = handle.at
            if not handle.cancelled:
                handle.call()
        self.now = end


def piped() -> tuple[Pipe, Loop, list[Any]]:
    loop = Loop()
    return Pipe(cast(asyncio.AbstractEventLoop, loop)), loop, []


def test_a_step_is_done_at_once_when_nothing_waits() -> None:
    pipe, _, done = piped()
    pipe.put(lambda: done.append(1))
    assert done == [1]


def test_what_comes_behind_a_delay_waits_too() -> None:
    pipe, loop, done = piped()
    pipe.put(lambda: done.append(1), 1.0)
    pipe.put(lambda: done.append(2))
    pipe.put(lambda: done.append(3), 0.5)
    loop.advance(0.9)
    assert done == []
    loop.advance(0.1)
    assert done == [1, 2]
    loop.advance(0.5)
    assert done == [1, 2, 3]


def test_nothing_is_done_while_held() -> None:
    pipe, _, done = piped()
    pipe.hold()
    pipe.put(lambda: done.append(1))
    assert done == []
    pipe.release()
    assert done == [1]


def test_a_delay_that_ends_while_held_is_not_waited_for_again() -> None:
    pipe, loop, done = piped()
    pipe.put(lambda: done.append(1), 1.0)
    pipe.hold()
    loop.advance(5)
    assert done == []
    pipe.release()
    assert done == [1]


def test_a_steps_own_steps_come_before_what_waits() -> None:
    pipe, loop, done = piped()
    pipe.hold()
    pipe.put(lambda: [(0.5, lambda: done.append("a")), (0.5, lambda: done.append("b"))])
    pipe.put(lambda: done.append("c"))
    pipe.release()
    loop.advance(0.5)
    assert done == ["a"]
    loop.advance(0.5)
    assert done == ["a", "b", "c"]


def test_a_step_that_puts_another_one_does_not_overtake_itself() -> None:
    pipe, _, done = piped()

    def first() -> None:
        pipe.put(lambda: done.append(2))
        done.append(1)

    pipe.put(first)
    assert done == [1, 2]


def test_a_closed_pipe_forgets() -> None:
    pipe, loop, done = piped()
    pipe.put(lambda: done.append(1), 1.0)
    pipe.close()
    loop.advance(2)
    assert done == []
