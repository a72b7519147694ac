"""What is found out at start."""

import json
import socket

import pytest
from tests.engines.upstream.servers import KEY, TLS, Upstream, greet, tcp

from antiphon.engines.upstream.probe import probe


def listing(*models: str) -> bytes:
    body = json.dumps({"object": "list", "data": [{"id": model, "object": "model"} for model in models]})
    return answer("200 OK", body)


def answer(status: str, body: str) -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


async def found(reply: bytes, **changes: object) -> str | None:
    async with tcp(reply) as port:
        sentence = await probe(Upstream(greet).config(base_url=f"http://127.0.0.1:{port}/v1", **changes))
    assert KEY not in (sentence or "")
    return sentence


async def test_all_is_well() -> None:
    assert await found(listing("gpt-realtime", "gpt-4o"), models={"*": "gpt-realtime"}) is None
    assert await found(listing("gpt-realtime")) is None


async def test_a_model_that_the_key_may_not_use() -> None:
    sentence = await found(listing("gpt-4o"), models={"*": "gpt-realtime", "x": "gpt-4o"})
    assert sentence is not None
    assert "the key may not use gpt-realtime; check this upstream's models" in sentence


async def test_azure_lists_models_and_not_deployments() -> None:
    assert await found(listing("gpt-4o"), models={"*": "mine"}, dialect="azure") is None


@pytest.mark.parametrize("status", ["401 Unauthorized", "403 Forbidden"])
async def test_a_key_that_is_refused(status: str) -> None:
    body = json.dumps({"error": {"message": f"Incorrect API key provided: {KEY}", "code": "invalid_api_key"}})
    sentence = await found(answer(status, body))
    assert sentence is not None
    assert f"HTTP {status[:3]}: Incorrect API key provided: ********; the key was not accepted" in sentence


@pytest.mark.parametrize("reply", [answer("404 Not Found", ""), answer("200 OK", "<html>"), answer("500 Oops", "")])
async def test_a_server_need_not_list_its_models(reply: bytes) -> None:
    assert await found(reply, models={"*": "m"}) is None


async def test_a_server_that_is_down() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        base = f"http://127.0.0.1:{unused.getsockname()[1]}/v1"
        assert await probe(Upstream(greet).config(base_url=base)) == (
            f"upstream 'test' ({base}): nothing listens there; "
            "see whether the server runs, and check host and port of base_url"
        )


async def test_a_server_that_never_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        base = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        assert "no answer in time" in (await probe(Upstream(greet).config(base_url=base), 0.05) or "")


async def test_one_that_speaks_no_http_and_one_that_hangs_up() -> None:
    assert "does not answer as HTTP" in (await found(b"SSH-2.0-x\r\n") or "")
    assert "hung up" in (await found(b"") or "")


async def test_an_authorities_file_that_is_not_there() -> None:
    config = Upstream(greet).config(base_url="https://localhost/v1", tls_ca=str(TLS / "nothing.pem"))
    assert "give a PEM file" in (await probe(config) or "")
