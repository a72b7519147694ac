"""What transports/webrtc/aiortc_glue.py takes for granted of aiortc and aioice: a change of theirs shows here."""

import importlib
import inspect
import sys

import aioice
import pytest
from aioice.ice import StunProtocol
from aiortc.rtcdatachannel import RTCDataChannel
from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsTransport, State
from aiortc.rtcsctptransport import RTCSctpTransport

from antiphon.errors import MissingExtraError
from antiphon.transports.webrtc.aiortc_glue import Association, Dtls, IceConnection, _Datagrams
from antiphon.transports.webrtc.ice import IceOptions


def parameters(function: object) -> list[str]:
    return list(inspect.signature(function).parameters)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("ours", "theirs", "name"),
    [
        (IceConnection, aioice.Connection, "get_component_candidates"),
        (IceConnection, aioice.Connection, "check_incoming"),
        (IceConnection, aioice.Connection, "data_received"),
        (_Datagrams, StunProtocol, "request"),
        (Dtls, RTCDtlsTransport, "_recv_next"),
        (Dtls, RTCDtlsTransport, "_send_data"),
        (Dtls, RTCDtlsTransport, "stop"),
        (Association, RTCSctpTransport, "_handle_data"),
        (Association, RTCSctpTransport, "_receive"),
        (Association, RTCSctpTransport, "_set_state"),
    ],
)
def test_what_is_overridden_is_still_there(ours: type, theirs: type, name: str) -> None:
    assert parameters(getattr(ours, name)) == parameters(getattr(theirs, name))
    assert inspect.iscoroutinefunction(getattr(ours, name)) is inspect.iscoroutinefunction(getattr(theirs, name))


@pytest.mark.parametrize(
    ("theirs", "name", "expected"),
    [
        (aioice.Connection, "_nominated", "self._nominated[pair.component] = pair"),
        (aioice.Connection, "_proven addresses", "self.check_incoming(message, addr, protocol)"),
        (aioice.Connection, "_queue", "self._queue: asyncio.Queue[tuple[bytes, int] | None] = asyncio.Queue()"),
        (aioice.Connection, "_closing", "self._closing = True"),
        (StunProtocol, "the transport is set from outside", "self.transport = cast(asyncio.DatagramTransport"),
        (StunProtocol, "all sending is sendto", "self.transport.sendto(bytes(message), addr)"),
        (RTCDtlsTransport, "the pump", "await self._recv_next()"),
        (RTCDtlsTransport, "keys", "self._tx_srtp = Session(tx_policy)"),
        (RTCDtlsTransport, "the state is told", 'self.emit("statechange")'),
        (RTCDtlsTransport, "sending", "await self.transport._send(data)"),
        (RTCSctpTransport, "messages", "await self._receive(*message)"),
        (RTCSctpTransport, "queue", "self._data_channel_queue.append((channel, pp_id, user_data))"),
        (RTCSctpTransport, "window", "self._advertised_rwnd += len(message[2])"),
        (RTCSctpTransport, "channels", 'self.emit("datachannel", channel)'),
        (RTCDataChannel, "what waits", "def _addBufferedAmount(self, amount: int) -> None:"),
    ],
)
def test_what_is_used_still_works_as_it_did(theirs: type, name: str, expected: str) -> None:
    assert expected in inspect.getsource(theirs)


async def test_what_is_read_is_still_there() -> None:
    ice = IceConnection(IceOptions(addresses=("127.0.0.1",)), controlling=False, on_media=lambda packet: None)
    dtls = Dtls(ice, server=True)
    association = Association(dtls, 5000, lambda channel: None, lambda data: None, lambda: None)
    for owner, names in (
        (ice, "_nominated _protocols _closing _queue"),
        (dtls, "_ssl _rx_srtp _tx_srtp _data_receiver _state encrypted"),
        (association, "_outbound_queue _sent_queue _sack_misordered _advertised_rwnd _inbound_streams_max"),
    ):
        assert [name for name in names.split() if not hasattr(owner, name)] == []
    assert dtls._state is State.NEW
    assert RTCCertificate.generateCertificate().getFingerprints()[0].algorithm == "sha-256"


def test_without_aiortc_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "antiphon.transports.webrtc.aiortc_glue"
    monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "aioice", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'antiphon\[webrtc\]'"):
        importlib.import_module(name)
