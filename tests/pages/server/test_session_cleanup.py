"""What a visitor who has gone keeps, and for how long; how many files the server may open."""

import asyncio
import json
import resource
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.session_manager import SessionInfo
from websockets.sync.client import connect

from pages.parts.server import session_cleanup
from pages.parts.server.session_cleanup import DepartedVisitors
from tests.conftest import ROOT, AppServer
from tests.pages.live.test_frame_processor import run


def visit(name: str, gone: list[str], runner=None) -> SessionInfo:
    """The one with a session that writes its name into `gone` when it is shut down."""
    session = SimpleNamespace(id=name, _script_event_loop=asyncio.new_event_loop(), _scriptrunner=runner, shutdown=lambda: gone.append(name))
    return SessionInfo(client=None, session=session)


def test_handles_go_at_once_and_come_back_with_the_visitor():
    async def story():
        storage, info = DepartedVisitors(ttl_seconds=600), visit("a", [])
        storage.save(info)
        assert not info.session._script_event_loop.is_closed(), "the caller has not finished"
        await asyncio.sleep(0)
        assert info.session._script_event_loop.is_closed()
        assert storage.get("a") is info and not info.session._script_event_loop.is_closed()
        storage.delete("a")
        assert storage.get("a") is None and storage.list() == []
        info.session._script_event_loop.close()

    run(story())


def test_a_script_that_still_runs_keeps_its_handles_until_it_has_ended(monkeypatch):
    monkeypatch.setattr(session_cleanup, "AGAIN", 0)

    async def story():
        storage, info = DepartedVisitors(ttl_seconds=600), visit("a", [], runner="at work")
        storage.save(info)
        for _ in range(5):
            await asyncio.sleep(0)
            assert not info.session._script_event_loop.is_closed()
        info.session._scriptrunner = None
        while not info.session._script_event_loop.is_closed():
            await asyncio.sleep(0)

    run(story())


def test_who_has_been_gone_longest_is_let_go_of_first(monkeypatch):
    monkeypatch.setattr(session_cleanup, "MOST", 2)

    async def story():
        gone = []
        storage = DepartedVisitors(ttl_seconds=600)
        for name in "abc":
            storage.save(visit(name, gone))
        storage.save(storage.get("b"))  # who came back and left again has just left
        storage.save(visit("d", gone))
        await asyncio.sleep(0)
        assert gone == ["a", "c"] and [info.session.id for info in storage.list()] == ["b", "d"]

    run(story())


def test_nobody_is_kept_beyond_the_time_though_nobody_else_comes():
    async def story():
        gone = []
        storage = DepartedVisitors(ttl_seconds=0)
        storage.save(visit("a", gone))
        while not gone:
            await asyncio.sleep(0)
        assert gone == ["a"] and not storage.list()

    run(story())


def test_the_limit_of_open_files_is_raised_as_far_as_it_goes():
    show = (
        "import resource; from pages.parts.server import session_cleanup; session_cleanup.raise_file_limit();"
        "print(session_cleanup.file_limit(), *resource.getrlimit(resource.RLIMIT_NOFILE))"
    )
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for soft, most in ((256, hard), (256, 512), (512, 512)):

        def limit(soft=soft, most=most):
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, most))

        done = subprocess.run([sys.executable, "-c", show], capture_output=True, text=True, cwd=ROOT, preexec_fn=limit)
        wanted = min(most, session_cleanup.MOST_FILES) if most != resource.RLIM_INFINITY else session_cleanup.MOST_FILES
        assert done.stdout.split() == [str(wanted), str(wanted), str(most)], done.stderr


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = AppServer(tmp_path_factory.mktemp("departed") / "server.log", {"POINTILLIST_STATUS": "1"})
    try:
        server.wait_until_ready()
        yield server
    finally:
        server.stop()


def open_files(server: AppServer) -> int:
    with urllib.request.urlopen(f"{server.url}/status") as answer:
        return json.load(answer)["open_files"]


@contextmanager
def visited(server: AppServer, session: str = "") -> Iterator[str]:
    """A visitor who is there while the body runs, after the page has run once; the session's id. session: of one who comes back."""
    protocols = ["streamlit", "no-token", session] if session else ["streamlit"]
    with connect(server.url.replace("http", "ws") + "/_stcore/stream", subprotocols=protocols, max_size=None) as connection:
        request = BackMsg()
        request.rerun_script.query_string = ""
        connection.send(request.SerializeToString())
        while (message := ForwardMsg.FromString(connection.recv())).WhichOneof("type") != "script_finished":
            if message.WhichOneof("type") == "new_session":
                session = message.new_session.initialize.session_id
        yield session


def test_visits_leave_no_handles_behind(server):
    with visited(server):
        pass  # what is opened once and for all
    before, sessions = open_files(server), []
    for _ in range(12):
        with visited(server) as session:
            sessions.append(session)
    assert len(set(sessions)) == 12
    deadline = time.monotonic() + 60
    while open_files(server) > before + 3 and time.monotonic() < deadline:
        time.sleep(0.2)
    assert open_files(server) <= before + 3, "each would keep three"
    with visited(server, sessions[3]) as session:
        assert session == sessions[3], "who comes back finds everything as it was"
    assert "event loop" not in server.log() and "Traceback" not in server.log()
