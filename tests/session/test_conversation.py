"""Items that clients create, retrieve, truncate and delete, and how mistakes are told."""

import base64

import pytest

from antiphon.session import Equipment
from antiphon.session.capabilities import Capabilities
from antiphon.session.context import ContextMessage
from antiphon.session.limits import Limits
from antiphon.session.requests import CancelTranscription, Generate, StartTranscription, TranscribeAudio
from tests.session.harness import LOUD, MS, CoreClient

TEXT = [{"type": "input_text", "text": "hello"}]


def create(session: CoreClient, item_id: str | None = None, previous: str | None = None, **item: object) -> None:
    fields = {"type": "message", "role": "user", "content": TEXT, **item}
    if item_id is not None:
        fields["id"] = item_id
    more = {} if previous is None else {"previous_item_id": previous}
    session.send("conversation.item.create", item=fields, event_id="create", **more)


def answered(session: CoreClient, ms: int = 1000) -> str:
    """Let the session speak a whole answer of two words and return its item's id."""
    session.send("response.create")
    session.generate("Hello there.")
    session.speak(ms=ms)
    return str(session.sent("response.output_item.done")["item"]["id"])


def test_an_item_keeps_the_clients_id(session: CoreClient) -> None:
    create(session, "mine")
    assert session.sent("conversation.item.added")["item"]["id"] == "mine"
    assert session.sent("conversation.item.done")["item"]["id"] == "mine"


def test_items_go_where_the_client_says(session: CoreClient) -> None:
    create(session, "a")
    create(session, "b")
    assert session.sent("conversation.item.added")["previous_item_id"] == "a"
    create(session, "c", previous="a")
    assert session.sent("conversation.item.added")["previous_item_id"] == "a"
    create(session, "d", previous="root")
    assert session.sent("conversation.item.added")["previous_item_id"] is None
    create(session, "e")
    assert session.sent("conversation.item.added")["previous_item_id"] == "b"


@pytest.mark.parametrize(
    ("item_id", "previous", "code", "param"),
    [
        ("a", None, "item_create_duplicate_item_id", "item.id"),
        ("x" * 33, None, "string_above_max_length", "item.id"),
        ("b", "nowhere", "invalid_value", "previous_item_id"),
    ],
)
def test_an_item_that_cannot_be_placed_is_refused(
    session: CoreClient, item_id: str, previous: str | None, code: str, param: str
) -> None:
    create(session, "a")
    session.forget()
    create(session, item_id, previous)
    assert session.types() == ["error"]
    assert (session.error["code"], session.error["param"], session.error["event_id"]) == (code, param, "create")


@pytest.mark.parametrize(
    ("role", "kind"), [("user", "output_text"), ("assistant", "input_text"), ("system", "input_audio")]
)
def test_content_must_fit_the_role(session: CoreClient, role: str, kind: str) -> None:
    part = {"type": kind} if kind == "input_audio" else {"type": kind, "text": "hello"}
    create(session, role=role, content=[part])
    assert session.error["param"] == "item.content[0].type"
    assert kind in session.error["message"]


def test_audio_in_an_item_is_transcribed(session: CoreClient) -> None:
    audio = base64.b64encode(LOUD * (200 * MS)).decode()
    create(session, "spoken", content=[{"type": "input_audio", "audio": audio}])
    assert session.asked(StartTranscription).item_id == "spoken"
    assert session.asked(TranscribeAudio).pcm == LOUD * (200 * MS)
    session.send("response.create")
    assert session.all_asked(Generate) == []
    session.transcribe("good morning", "spoken")
    assert session.told()[-1] == "good morning"


def test_images_are_refused_by_name_unless_the_model_takes_them() -> None:
    image = {"type": "input_image", "image_url": "data:image/png;base64,AAAA"}
    without = CoreClient()
    create(without, content=[image])
    assert "no images" in without.error["message"]
    with_images = CoreClient(equipment=Equipment(capabilities=Capabilities(images=True)))
    create(with_images, content=[image])
    with_images.send("response.create")
    message = with_images.asked(Generate).context.items[-1]
    assert isinstance(message, ContextMessage)
    assert message.images == ("data:image/png;base64,AAAA",)


def test_a_retrieved_item_has_its_audio(session: CoreClient) -> None:
    item_id = answered(session, ms=100)
    session.send("conversation.item.retrieve", item_id=item_id)
    part = session.sent("conversation.item.retrieved")["item"]["content"][0]
    assert base64.b64decode(part["audio"]) == LOUD * (100 * MS)
    assert part["transcript"] == "Hello there."


def test_the_oldest_audio_is_let_go_first() -> None:
    session = CoreClient(equipment=Equipment(limits=Limits(kept_audio_seconds=0.15)))
    first, second = answered(session, ms=100), answered(session, ms=100)
    for item_id, kept in ((first, 0), (second, 100)):
        session.send("conversation.item.retrieve", item_id=item_id)
        audio = session.sent("conversation.item.retrieved")["item"]["content"][0]["audio"]
        assert len(base64.b64decode(audio)) == kept * MS * 2


def test_the_oldest_item_is_let_go_first() -> None:
    session = CoreClient(equipment=Equipment(limits=Limits(items=2)))
    for item_id in "abc":
        create(session, item_id)
    session.send("conversation.item.retrieve", item_id="a")
    assert session.error["code"] == "item_retrieve_invalid_item_id"


def test_a_response_does_not_wait_for_an_item_that_went_to_make_room() -> None:
    session = CoreClient(equipment=Equipment(limits=Limits(items=2)))
    audio = base64.b64encode(LOUD * (200 * MS)).decode()
    create(session, "spoken", content=[{"type": "input_audio", "audio": audio}])
    session.send("response.create")
    assert session.all_asked(Generate) == []
    create(session, "a")
    create(session, "b")
    assert session.told() == ["hello", "hello"]
    assert session.asked(CancelTranscription).item_id == "spoken"


def test_too_many_transcripts_to_come_are_refused() -> None:
    session = CoreClient(equipment=Equipment(limits=Limits(utterances=2)))
    audio = base64.b64encode(LOUD * (200 * MS)).decode()
    for _ in range(3):
        create(session, content=[{"type": "input_audio", "audio": audio}])
    assert session.error["code"] == "rate_limit_exceeded"
    assert len(session.all_sent("conversation.item.done")) == 2


def test_a_deleted_item_leaves_the_context(session: CoreClient) -> None:
    create(session, "a")
    create(session, "b")
    session.send("conversation.item.delete", item_id="a")
    assert session.events[-1] | {"event_id": ""} == {
        "type": "conversation.item.deleted", "event_id": "", "item_id": "a",
    }  # fmt: skip
    session.send("response.create")
    assert len(session.asked(Generate).context.items) == 1


@pytest.mark.parametrize("action", ["delete", "retrieve", "truncate"])
def test_an_unknown_item_is_told_by_its_own_code(session: CoreClient, action: str) -> None:
    more = {"content_index": 0, "audio_end_ms": 0} if action == "truncate" else {}
    session.send(f"conversation.item.{action}", item_id="none", **more)
    assert session.error["code"] == f"item_{action}_invalid_item_id"


def test_truncation_leaves_the_model_what_was_heard(session: CoreClient) -> None:
    """The transcript goes from the item; the model is told the words that had begun to sound."""
    item_id = answered(session, ms=1000)  # "there." begins at half a second
    session.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=300)
    assert session.events[-1] | {"event_id": ""} == {
        "type": "conversation.item.truncated",
        "event_id": "",
        "item_id": item_id,
        "content_index": 0,
        "audio_end_ms": 300,
    }
    session.send("conversation.item.retrieve", item_id=item_id)
    part = session.sent("conversation.item.retrieved")["item"]["content"][0]
    assert part["transcript"] is None
    assert len(base64.b64decode(part["audio"])) == 300 * MS * 2
    session.send("response.create")
    assert session.told()[-1] == "Hello"


def test_truncation_beyond_the_audio_is_refused(session: CoreClient) -> None:
    item_id = answered(session, ms=1000)
    session.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=1100)
    assert (session.error["code"], session.error["param"]) == ("invalid_value", "audio_end_ms")
    assert "1000ms" in session.error["message"]


def test_only_spoken_answers_can_be_truncated(session: CoreClient) -> None:
    create(session, "a")
    session.send("conversation.item.truncate", item_id="a", content_index=0, audio_end_ms=0)
    assert session.error["code"] == "item_truncate_invalid_item_id"


def test_an_interrupted_answer_can_be_truncated_before_it_is_done(session: CoreClient) -> None:
    session.send("response.create")
    session.generate("Hello there. ", "More to come.", done=False)
    session.speak(ms=1000, done=False)
    item_id = session.sent("response.output_item.added")["item"]["id"]
    session.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=300)
    assert session.events[-1]["type"] == "conversation.item.truncated"
    session.send("response.cancel")
    assert session.sent("response.output_item.done")["item"]["content"][0]["transcript"] is None


def test_the_context_keeps_the_newest_that_fit() -> None:
    session = CoreClient(equipment=Equipment(limits=Limits(input_tokens=6)))
    for text in ("a long first message", "second", "third"):
        session.say(text)
    session.send("response.create")
    assert session.told() == ["second", "third"]


def test_a_retention_ratio_cuts_further_so_that_the_next_turns_need_not() -> None:
    session = CoreClient(equipment=Equipment(limits=Limits(input_tokens=1000)))
    limits = {"type": "retention_ratio", "retention_ratio": 0.5, "token_limits": {"post_instructions": 6}}
    session.configure(truncation=limits, output_modalities=["text"])
    for text in ("first one", "second", "third"):  # 3, 2 and 2 tokens
        session.say(text)
    session.send("response.create")
    assert session.told() == ["third"]
    session.generate("ok")
    session.say("fourth")
    session.send("response.create")
    assert session.told() == ["third", "ok", "fourth"]


def test_without_truncation_a_long_conversation_fails() -> None:
    session = CoreClient(equipment=Equipment(limits=Limits(input_tokens=6)))
    session.configure(truncation="disabled")
    for text in ("a long first message", "second", "third"):
        session.say(text)
    session.send("response.create")
    error = session.sent("response.done")["response"]["status_details"]["error"]
    assert error["code"] == "context_length_exceeded"


# --- out of band ----------------------------------------------------------------------------------------------


def test_an_out_of_band_response_leaves_the_conversation_alone(session: CoreClient) -> None:
    session.send("response.create")
    session.forget()
    options = {"conversation": "none", "output_modalities": ["text"], "input": [], "metadata": {"topic": "side"}}
    session.send("response.create", response=options)
    assert session.asked(Generate).context.items == ()
    session.generate("Aside.")
    response = session.sent("response.done")["response"]
    assert (response["conversation_id"], response["metadata"]) == (None, {"topic": "side"})
    assert not [kind for kind in session.types() if kind.startswith("conversation.item")]


def test_a_response_may_bring_its_own_input(session: CoreClient) -> None:
    create(session, "known")
    own = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "own"}]}
    reference = {"type": "item_reference", "id": "known"}
    session.send("response.create", response={"conversation": "none", "input": [reference, own]})
    assert session.told() == ["hello", "own"]


def test_an_unknown_reference_is_refused(session: CoreClient) -> None:
    session.send("response.create", response={"input": [{"type": "item_reference", "id": "none"}]})
    assert session.error["param"] == "response.input[0].id"
