"""The kit's network: what it lets through, and what it stops, as a page in a browser sees it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.asking import calls_with_secret
from tests.browser.site import served
from tests.docs.test_docs import ROOT, blocks
from tests.running import RunningServer
from tests.web.kit.chromium import Chromium, Faults, until
from tests.web.kit.machine import Machine, share_heard
from tests.web.kit.network import Cut, Network, Streams, WebSockets, running_network
from tests.web.kit.servers import RestartableServer

QUESTION = ROOT / "tests" / "speech" / "questions" / "property-00-slt.wav"
# The page of docs/webrtc.md, as it stands there.
CALL = """\
<!doctype html>
<link rel="icon" href="data:,">
<script type="module">
{block}
globalThis.call = async () => {{
  globalThis.types = [];
  const {{ connection, events }} = await call("{secret}");
  globalThis.connection = connection;
  events.onmessage = ({{ data }}) => {{
    const event = JSON.parse(data);
    types.push(event.type);
    if (event.type === "response.output_audio_transcript.done") globalThis.answer = event.transcript;
  }};
}};
</script>
"""


@pytest.fixture(scope="module")
def pages() -> Iterator[str]:
    with served(Path(__file__).parent / "pages") as address:
        yield address


@pytest.fixture
def page(chromium: Chromium, pages: str) -> Page:
    return chromium.open(f"{pages}/kit-network.html")


@pytest.fixture
def caller(chromium: Chromium, network: Network, server: RunningServer, tmp_path: Path) -> Iterator[Page]:
    """The page of docs/webrtc.md, which calls through the network."""
    [parameters] = blocks("js page")
    [block] = parameters.values  # type: ignore[attr-defined]
    led_through = server.rewritten(block).replace(f":{server.port}/", f":{network.port}/")
    page = CALL.format(block=led_through, secret=calls_with_secret(server)["key"])
    (tmp_path / "index.html").write_text(page)
    with served(tmp_path) as address:
        yield chromium.open(address)


def socket_url(network: Network) -> str:
    return f"ws://127.0.0.1:{network.port}/v1/realtime?model=gpt-realtime"


def stream_url(network: Network) -> str:
    return f"{network.origin}/v1/realtime/events?model=gpt-realtime"


def open_socket(page: Page, network: Network) -> None:
    page.evaluate("(url) => openSocket(url)", socket_url(network))
    until(page, "seen.messages.includes('session.created')")


# --- calls ------------------------------------------------------------------------------------------------------


def test_a_spoken_question_is_answered_aloud(caller: Page, machine: Machine, network: Network) -> None:
    """The user speaks into the microphone and hears the answer at the loudspeaker; nothing between them is made up."""
    caller.evaluate("call()")
    until(caller, "types.includes('session.created')")
    asked = machine.say(QUESTION)
    begun = machine.sound_after(asked)
    ended = machine.silence_after(begun, seconds=1.5)
    answer = caller.evaluate("answer")
    assert "4 bedrooms" in answer
    assert share_heard(answer.replace("4", "four"), machine.words_after(begun - 0.2, ended + 0.5)) >= 0.5
    assert network.datagrams > 100


def test_no_call_comes_about_without_udp(caller: Page, network: Network) -> None:
    network.udp_blocked = True
    caller.evaluate("call()")
    until(caller, "connection.iceConnectionState === 'checking'")
    caller.wait_for_timeout(3000)
    assert caller.evaluate("connection.connectionState") == "connecting"
    assert network.datagrams == 0


def test_a_call_is_cut_and_goes_on(caller: Page, network: Network) -> None:
    caller.evaluate("call()")
    until(caller, "types.includes('session.created')")
    with network.down():
        until(caller, "connection.iceConnectionState === 'disconnected'")
        at_the_cut = network.datagrams
        caller.wait_for_timeout(500)
        assert network.datagrams == at_the_cut
    until(caller, "connection.iceConnectionState === 'connected'")


# --- WebSockets -------------------------------------------------------------------------------------------------


def test_what_was_sent_while_the_network_stalled_arrives_afterwards(page: Page, network: Network) -> None:
    open_socket(page, network)
    with network.down():
        page.evaluate("ask()")
        page.wait_for_timeout(1000)
        assert page.evaluate("[seen.messages.length, seen.socket.readyState]") == [1, 1]
    until(page, "seen.messages.includes('session.updated')")


def test_connections_break_when_the_network_is_reset(page: Page, network: Network, faults: Faults) -> None:
    faults.expect("WebSocket connection to .* failed")
    open_socket(page, network)
    with network.down(Cut.RESET):
        until(page, "seen.socket.readyState === WebSocket.CLOSED")
        page.evaluate("(url) => openSocket(url)", socket_url(network))
        until(page, "seen.socket.readyState === WebSocket.CLOSED")
    page.evaluate("() => { seen.messages = []; }")
    open_socket(page, network)


def test_websockets_are_refused(page: Page, network: Network, faults: Faults) -> None:
    faults.expect("WebSocket connection to .* failed: Error during WebSocket handshake: Unexpected response code: 403")
    network.websockets = WebSockets.REFUSED
    page.evaluate("(url) => openSocket(url)", socket_url(network))
    until(page, "seen.socket.readyState === WebSocket.CLOSED")
    assert page.evaluate("(url) => fetch(url).then((answer) => answer.status)", f"{network.origin}/readyz") == 200


def test_websockets_are_not_answered(page: Page, network: Network) -> None:
    network.websockets = WebSockets.SILENT
    page.evaluate("(url) => openSocket(url)", socket_url(network))
    page.wait_for_timeout(1000)
    assert page.evaluate("seen.socket.readyState") == 0
    assert page.evaluate("(url) => fetch(url).then((answer) => answer.status)", f"{network.origin}/readyz") == 200


# --- HTTP -------------------------------------------------------------------------------------------------------


def test_streams_pass(page: Page, network: Network) -> None:
    page.evaluate("(url) => openStream(url)", stream_url(network))
    until(page, "seen.stream.includes('session.created')")


@pytest.mark.parametrize(("how", "state"), [(Streams.HELD, 0), (Streams.BODY_HELD, 1)])
def test_streams_are_held_while_other_answers_pass(how: Streams, state: int, page: Page, network: Network) -> None:
    network.streams = how
    page.evaluate("(url) => openStream(url)", stream_url(network))
    page.wait_for_timeout(1000)
    assert page.evaluate("[seen.source.readyState, seen.stream.length]") == [state, 0]
    polled = page.evaluate("(url) => fetch(url).then((answer) => answer.json())", f"{stream_url(network)}&wait=5")
    assert polled["events"][0]["type"] == "session.created"


def test_a_slow_network_is_late_both_ways(page: Page, network: Network) -> None:
    took = """async (url) => {
      const begin = performance.now();
      await (await fetch(url)).text();
      return performance.now() - begin;
    }"""
    network.latency = 0.4
    assert page.evaluate(took, f"{network.origin}/readyz") > 400


# --- servers ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kill", [True, False])
def test_a_server_comes_back_where_it_was(
    kill: bool, chromium: Chromium, pages: str, faults: Faults, own_server: RestartableServer
) -> None:
    faults.expect("WebSocket connection to .* failed")
    page = chromium.open(f"{pages}/kit-network.html")
    with running_network(own_server.port) as network:
        open_socket(page, network)
        own_server.stop(kill)
        until(page, "seen.socket.readyState === WebSocket.CLOSED")
        page.evaluate("(url) => openSocket(url)", socket_url(network))
        until(page, "seen.socket.readyState === WebSocket.CLOSED")
        page.evaluate("() => { seen.messages = []; }")
        own_server.start()
        open_socket(page, network)
