"""One response at a time, by policy."""

from antiphon.path.scheduler import (
    MOST_RETRIES,
    MOST_WAITING,
    RETRY_SECONDS,
    Ask,
    CancelActive,
    Refuse,
    ResponseScheduler,
    Send,
)


def ask(name: str) -> Ask:
    return Ask(name, False, name.encode())


def busy(policy: str) -> ResponseScheduler:
    """A scheduler with an active response, `resp_1`, that the client asked for."""
    scheduler = ResponseScheduler(policy)
    scheduler.request(ask("first"))
    scheduler.created("resp_1")
    return scheduler


def test_the_first_request_is_sent_at_once() -> None:
    first = ask("first")
    assert ResponseScheduler("queue").request(first) == [Send(first)]


def test_queued_requests_are_sent_in_order_each_when_the_one_before_is_done() -> None:
    scheduler, second, third = busy("queue"), ask("second"), ask("third")
    assert scheduler.request(second) == []
    assert scheduler.request(third) == []
    assert scheduler.done("resp_1", interrupted=False) == [Send(second)]
    scheduler.created("resp_2")
    assert scheduler.done("resp_2", interrupted=False) == [Send(third)]


def test_a_request_waits_for_one_that_was_asked_for_and_is_not_created_yet() -> None:
    scheduler = ResponseScheduler("queue")
    scheduler.request(ask("first"))
    assert scheduler.request(ask("second")) == []


def test_the_queue_is_bounded() -> None:
    scheduler = busy("queue")
    for number in range(MOST_WAITING):
        assert scheduler.request(ask(f"{number}")) == []
    assert isinstance(scheduler.request(ask("one too many"))[0], Refuse)


def test_an_interruption_refuses_what_waits() -> None:
    scheduler, second = busy("queue"), ask("second")
    scheduler.request(second)
    decisions = scheduler.done("resp_1", interrupted=True)
    assert [decision.ask for decision in decisions if isinstance(decision, Refuse)] == [second]
    assert scheduler.is_idle


def test_a_redundant_request_does_not_wait() -> None:
    """Its answer would be the active one over again."""
    decision = busy("queue").request(Ask("again", False, b"", is_redundant=True))[0]
    assert isinstance(decision, Refuse)
    assert "resp_1" in decision.message


def test_a_redundant_request_that_the_server_rejects_is_the_client_s_to_know() -> None:
    scheduler = ResponseScheduler("queue")
    scheduler.request(Ask("mine", False, b"", is_redundant=True))
    scheduler.created("resp_of_vad")
    assert scheduler.rejected("mine", now=1.0) is None


def test_replace_cancels_what_is_active_and_refuses_what_waited() -> None:
    scheduler, second, third = busy("replace"), ask("second"), ask("third")
    assert scheduler.request(second) == [CancelActive("resp_1")]
    decisions = scheduler.request(third)
    assert [decision.ask for decision in decisions if isinstance(decision, Refuse)] == [second]
    assert scheduler.done("resp_1", interrupted=False) == [Send(third)]


def test_refuse_names_the_active_response() -> None:
    decision = busy("refuse").request(ask("second"))[0]
    assert isinstance(decision, Refuse)
    assert "resp_1" in decision.message


def test_a_request_that_lost_the_race_against_turn_detection_waits() -> None:
    """The server began a response of its own; ours was taken for it, and is refused a moment later."""
    scheduler, mine = ResponseScheduler("queue"), ask("mine")
    scheduler.request(mine)
    scheduler.created("resp_of_vad")
    assert scheduler.rejected("mine", now=1.0) == []
    assert scheduler.deadline is None
    assert scheduler.done("resp_of_vad", interrupted=False) == [Send(mine)]


def test_a_rejection_without_a_visible_reason_is_retried_after_a_moment() -> None:
    scheduler, mine = ResponseScheduler("queue"), ask("mine")
    scheduler.request(mine)
    assert scheduler.rejected("mine", now=1.0) == []
    assert scheduler.retry(1.0) == []
    assert scheduler.deadline == 1.0 + RETRY_SECONDS
    assert scheduler.retry(1.0 + RETRY_SECONDS) == [Send(mine)]


def test_retries_come_to_an_end() -> None:
    scheduler, now = ResponseScheduler("queue"), 0.0
    scheduler.request(ask("mine"))
    for _ in range(MOST_RETRIES):
        assert scheduler.rejected("mine", now) == []
        now += RETRY_SECONDS
        scheduler.retry(now)
    assert scheduler.rejected("mine", now) is None


def test_under_refuse_the_server_s_own_rejection_is_the_client_s() -> None:
    scheduler = ResponseScheduler("refuse")
    scheduler.request(ask("mine"))
    assert scheduler.rejected("mine", now=1.0) is None


def test_a_rejection_of_somebody_else_s_request_is_told() -> None:
    assert busy("queue").rejected("unknown", now=1.0) is None


def test_a_failed_request_lets_the_next_one_go() -> None:
    scheduler, second = ResponseScheduler("queue"), ask("second")
    scheduler.request(ask("first"))
    scheduler.request(second)
    assert scheduler.failed("first") == [Send(second)]
