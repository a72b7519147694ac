"""Sessions and responses between the beta's flat shape and GA's nested one, as tables."""

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.protocol import server_events as server
from antiphon.protocol.beta import dialect
from antiphon.protocol.beta.fields import SESSION
from antiphon.protocol.beta.paths import beta_path, beta_words
from antiphon.protocol.beta.sessions import REALTIME, TRANSCRIPTION
from antiphon.protocol.client_events import CLIENT_EVENT_TYPES
from antiphon.protocol.config import SessionConfig, session_object, updated
from antiphon.protocol.session_kinds import TRANSCRIPTION as TRANSCRIPTION_KIND
from tests.protocol.beta.kit import BetaClient
from tests.sdk_beta_events import check_beta_event

# --- the tables are complete -----------------------------------------------------------------------------------


def server_event_types() -> set[type[server.ServerEvent]]:
    return {kind for kind in server.ServerEvent.__subclasses__() if kind.__module__ == server.__name__}


def test_every_server_event_has_a_beta_name_or_is_dropped() -> None:
    named = {*dialect.NAMES, server.SessionCreated, server.SessionUpdated}
    assert named | dialect.DROPPED == server_event_types()
    assert not named & dialect.DROPPED


def test_every_beta_name_is_one_of_the_sdk() -> None:
    from openai.types.beta.realtime import RealtimeServerEvent  # noqa: PLC0415

    union = get_args(get_args(RealtimeServerEvent)[0])
    known = {get_args(kind.model_fields["type"].annotation)[0] for kind in union}
    assert {name.decode() for name in dialect.NAMES.values()} <= known
    sent = {name.decode() for name in dialect.NAMES.values()} | {
        "session.created",
        "session.updated",
        "transcription_session.updated",
        "conversation.created",
    }
    assert known == sent


def test_a_beta_client_may_send_what_a_ga_client_may() -> None:
    beta = {kind.__struct_config__.tag for kind in get_args(dialect.BetaClientEvent)}
    assert beta == {*CLIENT_EVENT_TYPES, "transcription_session.update"}


# --- from beta to GA -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flat", "ga"),
    [
        ({}, {}),
        ({"instructions": "x"}, {"instructions": "x"}),
        ({"modalities": ["text", "audio"]}, {"output_modalities": ["audio"]}),
        ({"modalities": ["audio", "text"]}, {"output_modalities": ["audio"]}),
        ({"modalities": ["audio"]}, {"output_modalities": ["audio"]}),
        ({"modalities": ["text"]}, {"output_modalities": ["text"]}),
        ({"voice": "ash", "speed": 1.2}, {"audio": {"output": {"voice": "ash", "speed": 1.2}}}),
        ({"input_audio_format": "pcm16"}, {"audio": {"input": {"format": {"type": "audio/pcm", "rate": 24000}}}}),
        ({"input_audio_format": "g711_ulaw"}, {"audio": {"input": {"format": {"type": "audio/pcmu"}}}}),
        ({"output_audio_format": "g711_alaw"}, {"audio": {"output": {"format": {"type": "audio/pcma"}}}}),
        ({"max_response_output_tokens": "inf"}, {"max_output_tokens": "inf"}),
        ({"tool_choice": "required"}, {"tool_choice": "required"}),
        (
            {"tool_choice": {"type": "function", "function": {"name": "f"}}},
            {"tool_choice": {"type": "function", "name": "f"}},
        ),
        ({"tool_choice": {"type": "function", "function": "f"}}, {"tool_choice": {"type": "function", "name": "f"}}),
        ({"tool_choice": {"type": "function", "name": "f"}}, {"tool_choice": {"type": "function", "name": "f"}}),
        ({"turn_detection": None}, {"audio": {"input": {"turn_detection": None}}}),
        ({"turn_detection": {"type": "none"}}, {"audio": {"input": {"turn_detection": None}}}),
        (
            {"turn_detection": {"threshold": 0.6, "eagerness": None}},
            {"audio": {"input": {"turn_detection": {"type": "server_vad", "threshold": 0.6}}}},
        ),
        (
            {"turn_detection": {"type": "semantic_vad", "eagerness": "low"}},
            {"audio": {"input": {"turn_detection": {"type": "semantic_vad", "eagerness": "low"}}}},
        ),
        (
            {"input_audio_transcription": {"model": "whisper-1"}, "input_audio_noise_reduction": None},
            {"audio": {"input": {"transcription": {"model": "whisper-1"}, "noise_reduction": None}}},
        ),
        ({"id": "sess_1", "object": "x", "model": "m", "expires_at": 1, "client_secret": None}, {}),
    ],
)
def test_a_flat_session_is_nested(flat: dict[str, Any], ga: dict[str, Any]) -> None:
    read = REALTIME.read(flat)
    assert read.session == {"type": "realtime", **ga}
    assert read.temperature is None


def test_null_is_as_in_ga() -> None:
    """Clients send null for what they leave unset: it means the default."""
    nulls = {field.name: None for field in SESSION if field.name != "turn_detection"}
    session = BetaClient()
    session.configure(**nulls)
    assert session.sent("session.updated")["session"] == session.sent("session.created")["session"]


# --- refusals --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "code", "param"),
    [
        ({"modalities": []}, "invalid_value", "session.modalities"),
        ({"modalities": ["text", "text"]}, "invalid_value", "session.modalities"),
        ({"modalities": "text"}, "invalid_value", "session.modalities"),
        ({"modalities": [["text"]]}, "invalid_value", "session.modalities"),
        ({"input_audio_format": "opus"}, "invalid_value", "session.input_audio_format"),
        ({"output_audio_format": ["pcm16"]}, "invalid_value", "session.output_audio_format"),
        ({"temperature": 0.5}, "decimal_below_min_value", "session.temperature"),
        ({"temperature": 1.3}, "decimal_above_max_value", "session.temperature"),
        ({"temperature": True}, "invalid_type", "session.temperature"),
        ({"temperature": "hot"}, "invalid_type", "session.temperature"),
        ({"voice": 1}, "invalid_type", "session.voice"),
        ({"speed": 9}, "invalid_value", "session.speed"),
        ({"max_response_output_tokens": 0}, "integer_below_min_value", "session.max_response_output_tokens"),
        ({"turn_detection": {"threshold": 2}}, "invalid_value", "session.turn_detection.threshold"),
        ({"turn_detection": {"type": "magic"}}, "invalid_value", "session.turn_detection.type"),
        ({"turn_detection": {"idle_timeout_ms": 6000}}, "unknown_parameter", "session.turn_detection.idle_timeout_ms"),
        ({"turn_detection": 5}, None, "session.turn_detection"),
        (
            {"input_audio_transcription": {"delay": "low"}},
            "unknown_parameter",
            "session.input_audio_transcription.delay",
        ),
        ({"input_audio_transcription": {"model": 1}}, "invalid_type", "session.input_audio_transcription.model"),
        ({"input_audio_noise_reduction": {"type": "far"}}, "invalid_value", "session.input_audio_noise_reduction.type"),
        (
            {"input_audio_noise_reduction": {"type": "far_field"}},
            "invalid_value",
            "session.input_audio_noise_reduction",
        ),
        (
            {"tool_choice": {"type": "function", "function": {}}},
            "missing_required_parameter",
            "session.tool_choice.function.name",
        ),
        ({"tools": [{"type": "function"}]}, "missing_required_parameter", "session.tools[0].name"),
        # GA's own fields are unknown here, and named as they came.
        ({"type": "realtime"}, "unknown_parameter", "session.type"),
        ({"audio": {}}, "unknown_parameter", "session.audio"),
        ({"output_modalities": ["text"]}, "unknown_parameter", "session.output_modalities"),
        ({"max_output_tokens": 5}, "unknown_parameter", "session.max_output_tokens"),
    ],
)
def test_a_wrong_update_is_refused_in_the_clients_words(
    session: BetaClient, wanted: Any, code: str | None, param: str
) -> None:
    session.send("session.update", session={**wanted, "instructions": "changed"}, event_id="mine")
    assert (session.error["param"], session.error["event_id"]) == (param, "mine")
    assert code in (None, session.error["code"])
    assert "audio.input" not in session.error["message"]
    assert "audio.output" not in session.error["message"]
    session.configure()
    assert session.sent("session.updated")["session"] == session.sent("session.created")["session"]


@pytest.mark.parametrize(
    ("event", "param", "word"),
    [
        (
            {"type": "response.create", "response": {"output_modalities": ["text"]}},
            "response.output_modalities",
            "'modalities'",
        ),
        ({"type": "response.create", "response": {"voice": 5}}, "response.voice", "'response.voice'"),
        ({"type": "response.create", "response": {"max_response_output_tokens": -1}},
         "response.max_response_output_tokens", "'response.max_response_output_tokens'"),
        ({"type": "response.create", "response": {"temperature": 5}}, "response.temperature", "1.2"),
        (
            {
                "type": "conversation.item.create",
                "item": {"type": "message", "role": "user", "content": [{"type": "text", "text": "x"}]},
            },
            "item.content[0].type",
            "'text'",
        ),
        ({"type": "conversation.item.create", "item": {"type": "message"}}, "item.role", "'item.role'"),
        ({"type": "output_audio_buffer.clear"}, "type", "WebSocket"),
        ({"type": "nonsense"}, "type", "'transcription_session.update'"),
        ({"type": "input_audio_buffer.append", "audio": 1}, "audio", "'audio'"),
    ],
)  # fmt: skip
def test_other_mistakes_are_told_in_the_clients_words(
    session: BetaClient, event: dict[str, Any], param: str, word: str
) -> None:
    kind = event.pop("type")
    session.send(kind, **event)
    assert session.error["param"] == param
    assert word in session.error["message"]
    assert "output_text" not in session.error["message"]


def test_paths_and_words() -> None:
    assert beta_path("session.audio.output.voice") == "session.voice"
    assert beta_path("session.audio.input.turn_detection.threshold") == "session.turn_detection.threshold"
    assert beta_path("response.max_output_tokens") == "response.max_response_output_tokens"
    assert beta_path("response.input[0].id") == "response.input[0].id"
    assert beta_path("session.audiovisual") == "session.audiovisual"
    assert beta_words("Use 'output_text' or 'audio/pcmu' for 'x'.") == "Use 'text' or 'g711_ulaw' for 'x'."


# --- temperature -----------------------------------------------------------------------------------------------


def test_temperature_is_kept_and_echoed(session: BetaClient) -> None:
    session.configure(temperature=1.2)
    session.configure(instructions="x")
    assert session.sent("session.updated")["session"]["temperature"] == 1.2
    session.send("response.create")
    assert session.sent("response.created")["response"]["temperature"] == 1.2
    session.generate()
    session.send("response.create", response={"temperature": 0.6})
    session.generate()
    assert session.sent("response.created")["response"]["temperature"] == 0.6
    assert session.sent("response.done")["response"]["temperature"] == 0.6
    session.send("response.create", response={"temperature": None})
    assert session.sent("response.created")["response"]["temperature"] == 1.2
    session.configure(temperature=None)
    assert session.sent("session.updated")["session"]["temperature"] == 0.8


def test_a_refused_event_changes_no_temperature(session: BetaClient) -> None:
    session.configure(temperature=1.2, speed=9)
    session.configure()
    assert session.sent("session.updated")["session"]["temperature"] == 0.8
    session.send("response.create")
    session.send("response.create", response={"temperature": 1.1})
    assert session.error["code"] == "conversation_already_has_active_response"
    session.send("response.cancel")
    session.hear((LOUD_SPEECH, 500), (SILENCE, 900))
    assert session.sent("response.created")["response"]["temperature"] == 0.8


LOUD_SPEECH, SILENCE = b"\x10\x27", b"\x00\x00"


def test_a_chosen_function_is_shown_as_azure_documents_it(session: BetaClient) -> None:
    chosen = {"type": "function", "function": {"name": "f"}}
    session.configure(tools=[{"type": "function", "name": "f"}], tool_choice=chosen)
    assert session.sent("session.updated")["session"]["tool_choice"] == chosen


# --- there and back --------------------------------------------------------------------------------------------

_formats = st.sampled_from([{"type": "audio/pcm", "rate": 24_000}, {"type": "audio/pcmu"}, {"type": "audio/pcma"}])
_turn_detection = st.none() | st.one_of(
    st.fixed_dictionaries(
        {"type": st.just("server_vad")},
        optional={
            "threshold": st.floats(0, 1),
            "prefix_padding_ms": st.integers(0, 30_000),
            "silence_duration_ms": st.integers(0, 30_000),
            "create_response": st.booleans(),
            "interrupt_response": st.booleans(),
        },
    ),
    st.fixed_dictionaries(
        {"type": st.just("semantic_vad")},
        optional={"eagerness": st.sampled_from(["auto", "low", "medium", "high"]), "create_response": st.booleans()},
    ),
)
_transcription = st.none() | st.fixed_dictionaries(
    {},
    optional={"model": st.sampled_from(["whisper-1", "gpt-4o-transcribe"]), "language": st.text(), "prompt": st.text()},
)
_noise = st.none() | st.fixed_dictionaries({"type": st.sampled_from(["near_field", "far_field"])})
_hearing = st.fixed_dictionaries(
    {},
    optional={
        "format": _formats,
        "turn_detection": _turn_detection,
        "transcription": _transcription,
        "noise_reduction": _noise,
    },
)
_include = st.none() | st.just(["item.input_audio_transcription.logprobs"])
_ga_updates = st.fixed_dictionaries(
    {"type": st.just("realtime")},
    optional={
        "output_modalities": st.sampled_from([["audio"], ["text"]]),
        "instructions": st.text(),
        "audio": st.fixed_dictionaries(
            {},
            optional={
                "input": _hearing,
                "output": st.fixed_dictionaries(
                    {}, optional={"format": _formats, "voice": st.text(), "speed": st.floats(0.25, 1.5)}
                ),
            },
        ),
        "tools": st.lists(
            st.fixed_dictionaries(
                {"type": st.just("function"), "name": st.text(min_size=1, max_size=64)},
                optional={
                    "description": st.text(),
                    "parameters": st.dictionaries(st.text(), st.none() | st.integers() | st.text()),
                },
            ),
            max_size=3,
        ),
        "tool_choice": st.sampled_from(["auto", "none", "required"])
        | st.builds(lambda name: {"type": "function", "name": name}, st.text()),
        "max_output_tokens": st.just("inf") | st.integers(1, 4096),
        "tracing": st.none() | st.just("auto") | st.just({"workflow_name": "w", "metadata": {"a": 1}}),
        "include": _include,
    },
)


@given(update=_ga_updates)
def test_any_configuration_survives_the_way_to_beta_and_back(update: dict[str, Any]) -> None:
    config = updated(SessionConfig(), update)
    shown = REALTIME.show(session_object(config, "sess_1", "gpt-realtime", 0), 0.8)
    check_beta_event({"type": "session.updated", "event_id": "event_1", "session": shown})
    back = REALTIME.read(shown)
    assert updated(SessionConfig(), back.session) == config
    assert back.temperature == 0.8


@given(hearing=_hearing, include=_include)
def test_any_transcription_configuration_survives_too(hearing: dict[str, Any], include: Any) -> None:
    update = {"type": "transcription", "audio": {"input": hearing}, "include": include}
    config = TRANSCRIPTION_KIND.updated(SessionConfig(), update, SessionConfig())
    shown = TRANSCRIPTION.show(TRANSCRIPTION_KIND.wire(config, "sess_1", "", 0), 0.8)
    check_beta_event({"type": "transcription_session.updated", "event_id": "event_1", "session": shown})
    back = TRANSCRIPTION.read(shown)
    assert TRANSCRIPTION_KIND.updated(SessionConfig(), back.session, SessionConfig()) == config


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
_names = st.sampled_from([field.name for field in SESSION]) | st.text(max_size=6)


@given(fields=st.dictionaries(_names, _json, max_size=4), kind=st.sampled_from(["session", "response"]))
def test_whatever_a_client_sends_is_answered(fields: dict[str, Any], kind: str) -> None:
    """Any JSON at any field is accepted, or refused with an error of the SDK's type."""
    client = BetaClient()
    client.forget()
    client.send("session.update" if kind == "session" else "response.create", **{kind: fields})
    assert client.events[0]["type"] in ("error", "session.updated", "response.created")


_item_names = st.sampled_from(["id", "object", "status", "role", "call_id", "name", "arguments", "output"])
_part_types = st.sampled_from(["text", "audio", "input_text", "input_audio", "item_reference", "output_text"])
_parts = st.fixed_dictionaries({"type": _part_types | _json}, optional={"text": _json, "audio": _json})


@given(
    fields=st.dictionaries(_item_names, _json, max_size=3),
    content=st.lists(_parts | _json, max_size=2) | _json,
    role=st.sampled_from(["user", "assistant", "system"]),
)
def test_whatever_item_a_client_sends_is_answered(fields: dict[str, Any], content: Any, role: str) -> None:
    client = BetaClient()
    client.forget()
    item = {"type": "message", "role": role, "content": content, **fields}
    client.send("conversation.item.create", item=item)
    assert client.events[0]["type"] in ("error", "conversation.item.created")
    if client.events[0]["type"] == "error":
        assert "output_" not in client.error["message"]
