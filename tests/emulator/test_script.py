"""Scripts: what they mean, and what is wrong with them."""

from pathlib import Path

import pytest

from antiphon.audio.pcm import Wav, write_wav
from antiphon.engines.scripted import Place, load_script, parse_fault, parse_script
from antiphon.engines.scripted.play import Play
from antiphon.engines.scripted.script import FOR_EVER, Script
from antiphon.errors import ConfigError

EXAMPLES = sorted((Path(__file__).parents[2] / "examples" / "emulator").glob("*.toml"))


def answers(script: Script, *said: str) -> list[str]:
    play = Play(script)
    return [play.answer(text).say for text in said]


def test_turns_come_in_order_and_then_the_user_is_repeated() -> None:
    script = parse_script('[[turn]]\nsay = "One."\n[[turn]]\nsay = "Two."\n')
    assert answers(script, "a", "b", "c") == ["One.", "Two.", "{user}"]


def test_without_turns_it_says_hello() -> None:
    assert answers(parse_script(""), "a", "b") == ["Hello! I am the emulator: I repeat what you say.", "{user}"]


def test_a_pattern_goes_before_the_order() -> None:
    script = parse_script('[[turn]]\nsay = "One."\n[[turn]]\nwhen = "weather|rain"\nsay = "Sunny."\n')
    assert answers(script, "Will it RAIN?", "a", "the weather?", "b") == ["Sunny.", "One.", "Sunny.", "{user}"]


def test_a_turn_may_be_repeated() -> None:
    script = parse_script('[[turn]]\nsay = "One."\nrepeat = 2\n[[turn]]\nsay = "Two."\nrepeat = 0\n')
    assert answers(script, *"abcde") == ["One.", "One.", "Two.", "Two.", "Two."]


def test_the_last_answer_can_be_chosen() -> None:
    script = parse_script('[[turn]]\nsay = "One."\n[otherwise]\nsay = "Goodbye."\n')
    assert answers(script, *"abc") == ["One.", "Goodbye.", "Goodbye."]


def test_utterances_are_heard_in_order() -> None:
    script = parse_script('[[turn]]\nhear = "one"\n[[turn]]\nsay = "x"\n[[turn]]\nhear = ""\nrepeat = 2\n')
    play = Play(script)
    assert [play.hear().hear for _ in range(5)] == ["one", "", "", "Hello.", "Hello."]


def test_a_turns_pace_is_the_scripts_where_it_has_none() -> None:
    text = '[pace]\nchunk_ms = 50\naudio_speed = 2\n[[turn]]\nsay = "x"\n[turn.pace]\naudio_speed = 1\n'
    pace = parse_script(text).turns[0].pace
    assert (pace.chunk_ms, pace.audio_speed) == (50, 1.0)


def test_arguments_may_be_a_table_or_text() -> None:
    script = parse_script(
        '[[turn]]\ncall = [{name = "f", arguments = {city = "Paris"}}, {name = "g", arguments = "{"}]'
    )
    assert [call.arguments for call in script.turns[0].calls] == ['{"city":"Paris"}', "{"]


def test_a_recording_is_read_at_the_rate_of_the_api(tmp_path: Path) -> None:
    write_wav(tmp_path / "answer.wav", Wav(bytes(2 * 8000), 8000))
    (tmp_path / "script.toml").write_text('[[turn]]\nsay = "One second."\naudio = "answer.wav"\n')
    audio = load_script(tmp_path / "script.toml").turns[0].audio
    assert audio is not None
    assert len(audio) == 2 * 24_000


def test_the_defaults_of_a_fault() -> None:
    fault = parse_fault("at=response.created do=drop")
    assert (fault.nth, fault.place, fault.options) == (1, Place.AFTER, {"how": "reset"})
    assert parse_fault("at=response.create do=drop").place is Place.BEFORE
    assert parse_fault("at=response.create do=error code=server_error").place is Place.INSTEAD
    assert parse_fault("at=response.done do=omit probability=0.5").nth is None


def test_a_line_takes_what_a_table_takes() -> None:
    fault = parse_fault("""at=session.created do=close code=1011 reason="going away now" session=[1,2] place=before""")
    assert (fault.options, fault.session) == ({"code": 1011, "reason": "going away now"}, (1, 2))
    assert fault.place is Place.BEFORE


def test_the_api_says_how_an_error_closes() -> None:
    options = parse_fault("at=connect do=error_then_close code=insufficient_quota").options
    assert options["close_code"] == 3000


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sead = 1", "script: sead: no such key here; did you mean seed?"),
        ("seed = -1", "script: seed: -1 is not allowed; give a whole number from 0"),
        ("seed = 1.5", "script: seed: 1.5 is not allowed; give a whole number from 0"),
        ("turn = 3", "script: turn: 3 is not allowed; give tables, each begun with [[turn]]"),
        ('[[turn]]\n[[turn]]\nsays = "x"', "script: turn[2].says: no such key here; did you mean say?"),
        ("[[turn]]\nsay = 3", "script: turn[1].say: 3 is not allowed; give a text in quotes"),
        ('[[turn]]\nwhen = "("', "script: turn[1].when: is no regular expression"),
        ("[[turn]]\ncall = {}", "script: turn[1].call.name: is missing; give a text in quotes"),
        ('[[turn]]\naudio = "a.wav"', "script: turn[1].audio: has no words; give what is spoken in it as say"),
        ('[[turn]]\nsay = "x"\naudio = "no.wav"', "script: turn[1].audio: cannot read 'no.wav'"),
        ("[session]\nturn_detection = 'vad'", "give one of server_vad, semantic_vad, none"),
        ("[server]\nkeys = 'x'", "script: server.keys: is no list of keys"),
        ("[[fault]]\ndo = 'drop'", "script: fault[1].at: is missing"),
        ("[[fault]]\nat = 'response.creatd'\ndo = 'drop'", "fault[1].at: 'response.creatd' is no event"),
        ("[[fault]]\nat = 'connect'\ndo = 'explode'", "fault[1].do: 'explode' is not allowed; give one of refuse"),
        ("[[fault]]\nat = 'response.done'\ndo = 'refuse'", "'refuse' answers the upgrade request; give at = 'connect'"),
        ("[[fault]]\nat = 'connect'\ndo = 'omit'", "'omit' needs an event"),
        ("[[fault]]\nat = 'response.create'\ndo = 'binary'", "give the type of a server event"),
        ("[[fault]]\nat = 'response.done'\ndo = 'delay'", "fault[1].seconds: is missing"),
        ("[[fault]]\nat = 'response.done'\ndo = 'omit'\nnth = 0", "fault[1].nth: 0 is not allowed"),
        ("[[fault]]\nat = 'response.done'\ndo = 'omit'\nsession = 0", "fault[1].session: 0 is not allowed"),
        ("[[fault]]\nat = 'response.done'\ndo = 'error_then_close'\ncode = 'x'", "close_code: is missing"),
        ("[[fault]]\nat = 'response.done'\ndo = 'omit'\nplace = 'after'", "fault[1].place: no such key here"),
        ("[[fault]]\nat = 'response.done'\ndo = 'rate_limits'", "fault[1].limits: is missing"),
        ("[[fault]]\nat = 'response.done'\ndo = 'send'", "fault[1].event: has no type"),
        ("seed = ", "script: not valid TOML"),
    ],
)
def test_a_mistake_is_told_with_its_key_and_what_to_write(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse_script(text)
    assert message in str(refused.value)


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigError, match=r"cannot read 'nowhere\.toml'"):
        load_script("nowhere.toml")


@pytest.mark.parametrize("text", ["response.created", "at='response.done do=drop", "at=response.done do=drop nth=x"])
def test_a_line_that_is_no_fault(text: str) -> None:
    with pytest.raises(ConfigError, match="--fault"):
        parse_fault(text)


def test_keys_are_not_shown() -> None:
    assert "sk-hidden" not in repr(parse_script("[server]\nkeys = ['sk-hidden']"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_loads(path: Path) -> None:
    script = load_script(path)
    assert script.turns or script.faults


def test_a_pattern_may_be_used_for_ever() -> None:
    assert parse_script("[[turn]]\nwhen = 'x'\nsay = 'y'").turns[0].repeat == FOR_EVER


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 3
