"""Agents from TOML files and from the package."""

import json
from pathlib import Path

import pytest

from antiphon.agents.loader import DEFAULT_AGENT, bundled_agents, load_agent, parse_agent
from antiphon.errors import ConfigError
from antiphon.session.context import Tool
from tests.stages.llm.phrasings import PROPERTY_FACTS


def test_the_default_agent_knows_the_sample_property() -> None:
    agent = load_agent()
    assert agent.name == DEFAULT_AGENT
    assert agent.knowledge.facts == PROPERTY_FACTS
    assert agent.greeting
    assert agent.instructions


def test_the_default_agents_phrases_are_as_a_recogniser_writes_them() -> None:
    phrases = load_agent().knowledge.phrases
    assert 30 <= len(phrases) <= 60
    assert len(set(phrases)) == len(phrases)
    assert all(phrase == phrase.lower() and phrase.replace(" ", "").isalpha() for phrase in phrases)


def test_every_bundled_agent_loads_by_its_own_name() -> None:
    assert [load_agent(name).name for name in bundled_agents()] == list(bundled_agents())


def test_an_agent_file_says_everything(tmp_path: Path) -> None:
    path = tmp_path / "hotel.toml"
    path.write_text(
        'description = "A hotel"\ninstructions = "Be kind."\ngreeting = "Welcome."\nvoice = "marin"\n'
        'phrases = ["is there a pool"]\n[facts]\npool = false\n'
        '[[tools]]\nname = "book"\ndescription = "Book a room"\nparameters = { type = "object" }\n'
    )
    agent = load_agent(path)
    assert (agent.name, agent.description, agent.instructions) == ("hotel", "A hotel", "Be kind.")
    assert (agent.greeting, agent.voice) == ("Welcome.", "marin")
    assert agent.knowledge.facts == {"pool": False}
    assert agent.knowledge.phrases == ("is there a pool",)
    assert agent.tools == (Tool("book", "Book a room", {"type": "object"}),)


def test_facts_may_stand_in_a_json_file_beside_it(tmp_path: Path) -> None:
    (tmp_path / "facts.json").write_text(json.dumps({"beds": 2, "pool": True, "owner": None}))
    (tmp_path / "agent.toml").write_text('facts_file = "facts.json"\n[facts]\nbeds = 3\n')
    assert load_agent(str(tmp_path / "agent.toml")).knowledge.facts == {"beds": 3, "pool": True}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("name = ", "not valid TOML"),
        ("greting = 'Hi'", "greting: no such key; use one of name"),
        ("voice = 3", "voice: 3 is not allowed here; give a string"),
        ("phrases = 'one'", "phrases: 'one' is not allowed here; give a list of strings"),
        ("phrases = ['']", "phrases"),
        ("facts = 4", "facts: 4 is not allowed here; give a table"),
        ("[facts.open]\nsince = 2020-01-01", "facts.open.since"),
        ("tools = [{}]", r"tools\[0\]"),
        ("tools = [{name = 'a', params = {}}]", r"tools\[0\].params: no such key"),
        ("tools = [{name = 'a', parameters = 1}]", r"tools\[0\].parameters"),
        ("facts_file = 'none.json'", "facts_file: cannot read"),
        ("facts_file = 'bad.json'", "not valid JSON"),
        ("facts_file = 'list.json'", "holds no JSON object"),
    ],
)
def test_a_mistake_names_file_key_and_fix(tmp_path: Path, text: str, complaint: str) -> None:
    (tmp_path / "bad.json").write_text("{")
    (tmp_path / "list.json").write_text("[]")
    path = tmp_path / "agent.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=complaint) as caught:
        load_agent(path)
    assert "agent.toml" in str(caught.value)


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="'oak' is not a bundled agent; use maple, or the path"):
        load_agent("oak")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read"):
        load_agent(tmp_path / "nowhere.toml")


def test_a_facts_file_needs_a_folder() -> None:
    with pytest.raises(ConfigError, match="facts_file"):
        parse_agent("facts_file = 'a.json'", "memory")
