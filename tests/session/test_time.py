"""What happens because time passes: the idle timeout, the session's end, stalled audio."""

from antiphon.session import Equipment
from antiphon.session.limits import Limits
from antiphon.session.requests import (
    CancelTranscription,
    CloseSession,
    FinishTranscription,
    StartTranscription,
    TranscribeAudio,
)
from tests.session.harness import LOUD, MS, QUIET, CoreClient

IDLE = {"input": {"turn_detection": {"type": "server_vad", "idle_timeout_ms": 5000}, "transcription": {}}}


def test_an_idle_user_is_spoken_to(session: CoreClient) -> None:
    session.configure(audio=IDLE)
    session.send("response.create")
    session.generate("Hello.")
    session.speak(ms=2000)
    session.forget()
    session.wait(6.9)
    assert session.events == []
    session.wait(0.2)
    assert session.types() == [
        "input_audio_buffer.timeout_triggered",
        "conversation.item.added",
        "conversation.item.done",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "response.created",
        "conversation.item.input_audio_transcription.completed",
    ]
    system, user = (event["item"] for event in session.all_sent("conversation.item.done"))
    assert (system["role"], user["role"]) == ("system", "user")
    assert session.sent("input_audio_buffer.committed")["previous_item_id"] == system["id"]
    assert session.sent("input_audio_buffer.committed")["item_id"] == user["id"]
    completed = session.sent("conversation.item.input_audio_transcription.completed")
    assert (completed["transcript"], completed["usage"]["seconds"]) == ("", 0)
    assert session.told()[-1] == ""


def test_speech_stops_the_idle_timeout(session: CoreClient) -> None:
    session.configure(audio=IDLE)
    session.send("response.create")
    session.generate("Hello.")
    session.speak(ms=100)
    session.hear((QUIET, 320), (LOUD, 200))
    session.wait(20)
    assert session.all_sent("input_audio_buffer.timeout_triggered") == []


def test_the_idle_timeout_waits_for_a_first_answer(session: CoreClient) -> None:
    session.configure(audio=IDLE)
    session.wait(60)
    assert session.all_sent("input_audio_buffer.timeout_triggered") == []


def test_a_session_expires() -> None:
    session = CoreClient(equipment=Equipment(limits=Limits(session_seconds=3600)))
    session.wait(3599)
    assert session.all_sent("error") == []
    session.wait(1)
    assert session.error["code"] == "session_expired"
    assert session.asked(CloseSession) == CloseSession(1001, "Your session hit the maximum duration of 60 minutes.")
    session.forget()
    session.say("Hello?")
    assert session.events == []


def test_a_turn_without_end_is_ended() -> None:
    """Constant noise must not hold a turn open for ever."""
    session = CoreClient(equipment=Equipment(limits=Limits(utterance_seconds=2)))
    session.hear((LOUD, 2500))
    assert session.all_sent("input_audio_buffer.speech_stopped")
    assert session.all_sent("input_audio_buffer.committed")


def test_a_client_that_stops_sending_frees_the_recogniser(session: CoreClient) -> None:
    session.hear((QUIET, 320), (LOUD, 400))
    session.wait(3.1)
    assert len(session.all_asked(CancelTranscription)) == 1
    assert len(session.all_asked(StartTranscription)) == 1
    session.forget()
    session.hear((LOUD, 320), (QUIET, 700))
    # Begun anew with all of the turn's audio, not only with what came since.
    assert len(session.all_asked(StartTranscription)) == 1
    heard = b"".join(request.pcm for request in session.all_asked(TranscribeAudio))
    assert heard.count(LOUD) >= 720 * MS - 1
    assert len(session.all_asked(FinishTranscription)) == 1


def test_quiet_audio_is_let_go_of() -> None:
    session = CoreClient(equipment=Equipment(limits=Limits(buffer_seconds=5, quiet_seconds=1)))
    session.hear((QUIET, 10_000))
    assert session.all_sent("error") == []


def test_a_full_buffer_refuses_more_and_keeps_what_it_has() -> None:
    session = CoreClient(equipment=Equipment(limits=Limits(buffer_seconds=1)))
    session.configure(audio={"input": {"turn_detection": None}})
    session.append(LOUD * (1000 * MS))
    session.append(LOUD * (20 * MS))
    assert session.error["code"] == "input_audio_buffer_full"
    session.send("input_audio_buffer.commit")
    heard = b"".join(request.pcm for request in session.all_asked(TranscribeAudio))
    assert len(heard) == 1000 * MS * 2
