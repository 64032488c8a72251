"""What a server meets in the open: hostile requests, clients that leave, read slowly or never speak, 500 connections,
limits, keys, and SIGTERM."""
import concurrent.futures
import json
import os
import pathlib
import signal
import socket
import sys
import time

import openai
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from serving import Server, make_folder  # noqa: E402

LONG = {"model": "tiny", "prompt": "the cat", "max_tokens": 900, "logit_bias": {"1": -100}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_folder(tmp_path_factory.mktemp("qwen3"))


@pytest.fixture(scope="module")
def server(folder):
    server = Server(folder, "--cache", "4", "--chunk", "64", "--body-limit", "64")
    yield server
    assert server.stop() == 0, server.process.stderr.read()


# More than the sockets' buffers hold: who does not read it keeps the server at it, however fast that is.
ENDLESS = {**LONG, "n": 8, "stream": True, "logprobs": 20}


def connect(server, body=None, header=b""):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    s.connect(("127.0.0.1", server.port))
    if body is not None:
        text = json.dumps(body).encode()
        s.sendall(b"POST /v1/completions HTTP/1.1\r\nHost: x\r\n%sContent-Length: %d\r\n\r\n%s"
                  % (header, len(text), text))
    return s


def listens(server):
    try:
        connect(server).close()
        return True
    except OSError:
        return False


def until(condition, seconds=100):
    """Waits for a state, less long than the 120 seconds after which the server closes a connection that it forgot."""
    deadline = time.time() + seconds
    while not condition() and time.time() < deadline:
        time.sleep(0.05)
    assert condition()


def test_hostile_requests_get_4xx(server):
    post = lambda body: server.raw("POST", "/v1/completions", body)  # noqa: E731
    for body in (b"", b"{", b"[]", b"null", b'{"prompt": 5}', b'{"prompt": "x", "n": 1e9}', b'{"prompt": "\\ud800"}',
                 b'{"prompt": "x", "temperature": "hot"}', b'{"prompt": "x", "stop": [1]}', b'\xff' * 100,
                 b'{"prompt": "x", "logit_bias": {"a": 1}}', b'{"prompt": [99999]}', b'{"prompt": []}',
                 b'{"prompt": "x", "tools": []}', b"[" * 60000, b'{"a":' * 10000, b'{"prompt": "' + b"x " * 8000 + b'"}',
                 b'{"prompt": ["x", 5]}', b'{"prompt": "x", "max_tokens": -1}',
                 b'{"prompt": "x", "temperature": 1e999}', b'{"prompt": "x", "seed": 99999999999999999999}',
                 b'{"prompt": "x", "n": 129}', b'{"prompt": [[1]], "n": 128, "logprobs": 21}',
                 b'{"prompt": "x", "stop": ""}', b'{"prompt": "x", "best_of": 3}', b'{"prompt": "\x00"}'):
        status, data = post(body)
        assert status == 400 and json.loads(data)["error"]["message"], body[:50]
    assert post(b"x" * 70000)[0] == 413
    assert server.raw("POST", "/v1/completions", iter([b"x" * 1000] * 70))[0] == 413  # chunked: no length
    assert server.raw("GET", "/nothing")[0] == 404 and server.raw("GET", "/v1/completions")[0] == 405
    assert server.raw("POST", "/v1/chat/completions", b'{"messages": [{"role": "user"}]}')[0] == 400
    assert server.raw("POST", "/v1/embeddings", b'{"input": ""}')[0] == 400
    for junk in (b"\x00" * 500, b"GET\r\n\r\n", b"A" * 100000, b"POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
                 b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20000):
        with connect(server) as s:
            try:
                s.settimeout(0.5)
                s.sendall(junk)
                s.shutdown(socket.SHUT_WR)
                s.recv(100)
            except OSError:
                pass
    assert server.raw("GET", "/health")[0] == 200


@pytest.mark.parametrize("stream", [False, True])
def test_who_leaves_is_cancelled(server, stream):
    before = server.metric("tokens_computed_total")
    for _ in range(10):
        s = connect(server, {**ENDLESS, "stream": stream})
        if stream:
            s.recv(300)
        else:
            time.sleep(0.02)
        s.close()
    until(lambda: server.metric("completions_active") == 0)
    assert server.metric("tokens_computed_total") - before < 10 * 8 * 900 // 2
    until(lambda: server.metric("cache_pages_used") == 0)


def test_slow_readers_stall_nobody(server):
    slow = [connect(server, ENDLESS) for _ in range(5)]
    server.client().completions.create(model="tiny", prompt="x", max_tokens=5)  # else the client gives up
    for s in slow:  # the server's socket is full: it waits
        s.close()
    until(lambda: server.metric("completions_active") == 0)
    patient = connect(server, {**LONG, "max_tokens": 100, "stream": True})
    time.sleep(2)
    data = b""
    while not data.endswith(b"0\r\n\r\n"):
        part = patient.recv(300)
        assert part
        data += part
    assert data.count(b"data: {") == 101 and b"data: [DONE]" in data and b'"length"' in data
    patient.close()


@pytest.mark.parametrize("sent", [b"", b"GET /hea", b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n",
                                  b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"])
def test_who_leaves_at_once_is_noticed(server, sent):
    """The end of the connection arrives together with what was sent."""
    files = server.files()
    for _ in range(200):
        with connect(server) as s:
            s.sendall(sent)
    until(lambda: server.files() <= files)


def test_500_connections(server):
    """300 that say nothing, 100 that never end their request, and 100 that want answers."""
    before, files = server.memory(), server.files()
    for _ in range(3):
        idle = [connect(server) for _ in range(400)]
        for s in idle[:100]:
            s.sendall(b"POST /v1/completions HTTP/1.1\r\nContent-Length: 100\r\n\r\n{")
        with concurrent.futures.ThreadPoolExecutor(100) as pool:
            body = json.dumps({"prompt": "the cat", "max_tokens": 10, "temperature": 0})
            answers = [json.loads(data)["choices"][0]["text"] for _, data in pool.map(
                lambda i: server.raw("POST", "/v1/completions", body), range(100))]
        assert len(set(answers)) == 1 and len(answers) == 100
        for s in idle:
            s.close()
    until(lambda: server.files() <= files + 2)
    assert server.metric("completions_active") == 0
    if "EADEM_SANITIZER" not in os.environ:  # which keeps a shadow of all memory
        assert server.memory() < before + 30


def test_half_open_connections_are_closed(folder):
    server = Server(folder, "--idle", "1")
    with connect(server) as s:
        s.settimeout(20)
        s.sendall(b"POST /v1/completions HTTP/1.1\r\nContent-Length: 100\r\n\r\n{")
        assert s.recv(10) == b""
    assert server.stop() == 0


def test_limits(folder):
    server = Server(folder, "--queue", "8", "--prompt-limit", "50")
    ask = server.client().completions.create
    with pytest.raises(openai.BadRequestError, match="the prompt has 50 tokens"):
        ask(model="tiny", prompt=[5] * 50)
    assert ask(model="tiny", prompt=[5] * 49, max_tokens=1).usage.completion_tokens == 1
    with pytest.raises(openai.RateLimitError, match="too many requests wait"):
        ask(model="tiny", prompt="x", n=9)
    until(lambda: server.metric("completions_active") == 0)  # the server may forget an answer after its client has it
    busy = connect(server, ENDLESS)
    assert b" 200 " in busy.recv(100).split(b"\r\n")[0]
    with pytest.raises(openai.RateLimitError):
        ask(model="tiny", prompt="x")
    busy.close()
    until(lambda: server.metric("completions_active") == 0)
    assert ask(model="tiny", prompt="x", n=8, max_tokens=2).usage.completion_tokens == 16
    assert server.stop() == 0


def test_key_and_drain(folder, tmp_path):
    (tmp_path / "key").write_text("secret\n")
    server = Server(folder, "--api-key-file", tmp_path / "key", "--drain", "600")
    for key in ("secreT", "secret2", "s"):
        with pytest.raises(openai.AuthenticationError):
            server.client(key).models.list()
    assert server.raw("GET", "/health")[0] == 200 and server.raw("GET", "/metrics")[0] == 401
    idle, half = connect(server), connect(server)
    half.sendall(b"POST /v1/completions HTTP/1.1\r\nAuthorization: Bearer secret\r\nContent-Length: 20\r\n\r\n{")
    unread = connect(server, ENDLESS, b"Authorization: Bearer secret\r\n")
    unread.recv(100)
    server.process.send_signal(signal.SIGTERM)
    until(lambda: not listens(server))
    half.sendall(b'"prompt": "refused"}')
    assert b"503" in half.recv(1000).split(b"\r\n")[0]
    rest = b""
    while part := unread.recv(1 << 16):
        rest = rest[-1000:] + part
    assert b"data: [DONE]" in rest and b'"length"' in rest
    assert server.process.wait(60) == 0  # though `idle` is still open
    idle.close()


def test_drain_has_an_end(folder):
    for second_signal in (False, True):
        server = Server(folder, "--drain", "30" if second_signal else "0")
        whole, stream = connect(server, {**LONG, "n": 100}), connect(server, ENDLESS)
        stream.recv(100)
        server.process.send_signal(signal.SIGTERM)
        until(lambda: not listens(server))
        if second_signal:
            server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(20) == 0  # before the 30 seconds are over
        whole.close(), stream.close()
