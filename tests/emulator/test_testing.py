"""`antiphon.testing` as tests use it: what is recorded, waited for and done to running connections."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest
from websockets.asyncio.client import connect
from websockets.sync.client import connect as connect_sync
from websockets.typing import Subprotocol

from antiphon.errors import ConfigError
from antiphon.testing import ThreadedEmulator, emulator
from tests.emulator.kit import say, send, to_end, until


async def test_what_was_sent_is_taken_down_once_and_in_order() -> None:
    async with emulator() as emu:
        async with connect(emu.url, max_queue=None) as ws:
            for number in range(20):
                await send(ws, "input_audio_buffer.clear", event_id=f"e{number}")
            await emu.wait_for("input_audio_buffer.clear", nth=20)
        connection = await emu.wait_for_end()
        assert [event["event_id"] for event in connection.client_events] == [f"e{n}" for n in range(20)]
        times = [event.time for event in connection.client_events]
        assert times == sorted(times)
        assert [event.type for event in connection.server_events] == ["session.created"] + [
            "input_audio_buffer.cleared"
        ] * 20
        assert (connection.lost, connection.close) == (False, None)


async def test_an_event_that_came_long_ago_is_found_too() -> None:
    async with emulator() as emu, connect(emu.url) as ws:
        await say(ws, "Hi")
        await until(ws, "response.done")
        item = (await emu.wait_for("conversation.item.create")).event["item"]
        assert item["content"][0]["text"] == "Hi"
        assert (await emu.wait_for("response.done"))["response"]["status"] == "completed"


async def test_what_does_not_come_is_told_with_what_came() -> None:
    async with emulator() as emu, connect(emu.url) as ws:
        await send(ws, "input_audio_buffer.clear")
        await until(ws, "input_audio_buffer.cleared")
        with pytest.raises(TimeoutError, match=r"response.create number 2 did not come.*input_audio_buffer.clear"):
            await emu.wait_for("response.create", nth=2, timeout=0.01)


async def test_keys_are_hidden_wherever_they_stand() -> None:
    async with emulator() as emu:
        headers = {"Authorization": "Bearer sk-in-header", "api-key": "sk-in-azures"}
        names = [Subprotocol("realtime"), Subprotocol("openai-insecure-api-key.sk-in-protocol")]
        async with connect(f"{emu.url}&api_key=sk-in-query&x=1", additional_headers=headers, subprotocols=names) as ws:
            await until(ws, "session.created")
        connection = emu.connections[0]
        assert connection.parameter("x") == "1"
        assert connection.header("Authorization") == "(hidden)"
        assert connection.header("sec-websocket-protocol") == "realtime, openai-insecure-api-key.(hidden)"
        assert "sk-" not in json.dumps(connection.shown())
        assert "sk-" not in repr(connection)


async def test_all_connections_can_be_dropped_and_closed() -> None:
    async with emulator() as emu:
        async with connect(emu.url) as one, connect(emu.url) as other:
            for ws in (one, other):
                await until(ws, "session.created")
            emu.drop_all("fin")
            assert [await to_end(ws) for ws in (one, other)] == [([], None, "")] * 2
        async with connect(emu.url) as ws:
            await until(ws, "session.created")
            emu.close_all(1012, "back soon")
            assert await to_end(ws) == ([], 1012, "back soon")


async def test_what_was_seen_can_be_forgotten() -> None:
    async with emulator() as emu:
        async with connect(emu.url) as ws:
            await until(ws, "session.created")
        await emu.wait_for_end()
        emu.clear()
        assert emu.connections == ()
        async with connect(emu.url):
            assert (await emu.wait_for_connection(1)).number == 1


async def test_a_fault_that_is_added_holds_for_running_sessions_and_can_be_taken_back() -> None:
    async with emulator() as emu, connect(emu.url) as ws:
        await until(ws, "session.created")
        emu.add_fault("input_audio_buffer.clear", "error", code="server_error", nth="every")
        await send(ws, "input_audio_buffer.clear")
        await until(ws, "error")
        emu.clear_faults()
        await send(ws, "input_audio_buffer.clear")
        await until(ws, "input_audio_buffer.cleared")
        with pytest.raises(ConfigError, match=r"add_fault\(\): do: 'nothing' is not allowed"):
            emu.add_fault("response.done", "nothing")


@pytest.mark.parametrize("text", ['[[turn]]\nsay = "From text."', {"turn": [{"say": "From text."}]}])
async def test_a_script_may_be_text_or_a_table(text: Any) -> None:
    async with emulator(text) as emu, connect(emu.url) as ws:
        await send(ws, "response.create")
        assert "From text." in json.dumps(await until(ws, "response.done"))


async def test_over_http() -> None:
    async with emulator() as emu, httpx2.AsyncClient(base_url=f"http://127.0.0.1:{emu.port}", trust_env=False) as http:
        assert (await http.post("/emulator/faults", json={"at": "response.create", "do": "drop"})).status_code == 201
        refused = await http.post("/emulator/faults", json={"at": "response.create", "do": "x"})
        assert (refused.status_code, "fault: do: 'x'" in refused.json()["error"]["message"]) == (400, True)
        async with connect(emu.url) as ws:
            await send(ws, "response.create")
            assert (await to_end(ws))[1] is None
        await emu.wait_for_end()
        connection = (await http.get("/emulator")).json()["connections"][0]
        assert [event["type"] for event in connection["client_events"]] == ["response.create"]
        assert (connection["lost"], connection["faults"]) == (True, ["drop at response.create"])
        assert (await http.delete("/emulator/faults")).status_code == 204
        assert (await http.post("/emulator/drop")).status_code == 204
        assert (await http.delete("/emulator")).status_code == 204
        assert (await http.get("/emulator")).json() == {"connections": []}
        assert (await http.get("/v1/models")).status_code == 200


async def test_with_keys_the_record_is_locked_too() -> None:
    async with (
        emulator(server={"keys": ["sk-right"]}) as emu,
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{emu.port}", trust_env=False) as http,
    ):
        assert (await http.get("/emulator")).status_code == 401
        answer = await http.get("/emulator", headers={"Authorization": "Bearer sk-right"})
        assert answer.status_code == 200


def test_without_an_event_loop() -> None:
    with ThreadedEmulator(turn=[{"say": "Threaded."}]) as emu:
        with connect_sync(emu.url) as ws:
            ws.send('{"type":"response.create"}')
            while (event := json.loads(ws.recv(10)))["type"] != "response.done":
                pass
        assert "Threaded." in json.dumps(event)
        assert emu.wait_for("response.create").event == {"type": "response.create"}
        assert emu.wait_for_end().lost is False
        assert [event["type"] for event in emu.client_events] == ["response.create"]
        emu.clear()
        emu.add_fault("connect", "close", code=1013)
        with connect_sync(emu.url) as ws, pytest.raises(Exception, match="1013"):
            ws.recv(10)


def test_the_pytest_plugin(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["antiphon.testing.pytest_plugin"]')
    (tmp_path / "test_it.py").write_text(
        """
import json, pytest
from websockets.sync.client import connect

@pytest.mark.realtime_script(turn=[{"say": "From a mark."}])
def test_it(realtime_emulator):
    with connect(realtime_emulator.url) as ws:
        ws.send('{"type":"response.create"}')
        while (event := json.loads(ws.recv(10)))["type"] != "response.done":
            pass
    assert "From a mark." in json.dumps(event)
"""
    )
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-W",
        "error",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:asyncio",
        "test_it.py",
    ]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "1 passed" in result.stdout


def test_pytest_is_not_needed() -> None:
    program = "import sys; sys.modules['pytest'] = None; import antiphon.testing"
    assert subprocess.run([sys.executable, "-c", program], timeout=60).returncode == 0
