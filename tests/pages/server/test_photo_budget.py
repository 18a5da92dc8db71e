"""The room for all visitors' photos: who makes room, who is refused, and which sentence both read."""

import asyncio
from types import SimpleNamespace

import pytest
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
from streamlit import runtime
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec
from streamlit.testing.v1 import AppTest

from pages.parts.album.photo_list import GONE, PhotoList
from pages.parts.server import photo_budget
from pages.parts.server.photo_budget import PhotoBudget
from pages.parts.server.upload_gate import UploadGate
from tests.pages.live.test_frame_processor import run
from tests.pages.test_hostile import ROOT
from tests.pages.test_upload import png, upload


@pytest.fixture
def server(monkeypatch):
    """A running server as far as the storeroom knows it: `here` are the visitors who are connected."""
    uploads = MemoryUploadedFileManager("/_stcore/upload_file")
    server = SimpleNamespace(here=set(), uploaded_file_mgr=uploads, is_active_session=lambda visitor: visitor in server.here)
    monkeypatch.setattr(runtime, "exists", lambda: True)
    monkeypatch.setattr(runtime, "get_instance", lambda: server)
    return server


@pytest.fixture
def room(monkeypatch) -> PhotoBudget:
    """For 10 bytes."""
    room = PhotoBudget(10)
    monkeypatch.setattr(photo_budget, "PHOTO_BUDGET", room)
    return room


def album_of(visitor: str, room: PhotoBudget, seen: float, *photos: bytes) -> PhotoList:
    mine = PhotoList(visitor)
    mine.seen = seen
    room.register(mine)
    for number, photo in enumerate(photos):
        assert mine.add(f"{number}.jpg", photo)
    return mine


def test_who_has_left_longest_makes_room_first(server, room):
    server.here = {"here"}
    here = album_of("here", room, 0, b"123")
    gone = album_of("gone", room, 2, b"456")
    long_gone = album_of("long gone", room, 1, b"789")
    assert here.add("more.jpg", b"4 mb")
    assert (len(here), len(gone), len(long_gone)) == (2, 1, 0)
    assert here.add("more.jpg", b"3mb")
    assert (len(here), len(gone), len(long_gone)) == (3, 0, 0)
    assert room.used() == 10


def test_connected_visitors_keep_their_photos(server, room):
    server.here = {"one", "other"}
    one, other = album_of("one", room, 0, b"12345678"), album_of("other", room, 1)
    assert other.add("large.jpg", b"123") is None
    assert other.complaints() == [photo_budget.FULL] and not other.complaints()
    assert other.add("small.jpg", b"12") and not other.complaints()
    assert len(one) == 1 and not one.complaints()


def test_who_comes_back_is_reported(server, room):
    server.here = {"here"}
    gone, here = album_of("gone", room, 0, b"12345678"), album_of("here", room, 1)
    server.uploaded_file_mgr.add_file("gone", UploadedFileRec("1", "0.jpg", "image/jpeg", b"12345678"))
    assert here.add("large.jpg", b"12345")
    assert not server.uploaded_file_mgr.get_stats(), "Streamlit's own copies go too"
    assert gone.complaints() == [GONE] and gone.round == 1


def test_removed_photos_leave_the_uploads_too(server, room):
    mine = album_of("here", room, 0, b"12345678")
    server.uploaded_file_mgr.add_file("here", UploadedFileRec("1", "0.jpg", "image/jpeg", b"12345678"))
    mine.clear()
    assert not server.uploaded_file_mgr.get_stats()


def test_albums_that_nobody_has_take_no_room(server, room):
    album_of("closed", room, 0, b"12345678")
    assert room.used() == 0


def test_page_says_that_there_is_no_room(room):
    visitor = AppTest.from_file(ROOT / "app.py", default_timeout=60).run()
    upload(visitor, ("wall.png", png(), "image/png"))
    assert not visitor.exception
    assert [warning.value for warning in visitor.warning] == [photo_budget.FULL]
    assert not len(visitor.session_state["photo_list"])


@pytest.fixture
def put(room):
    """Function (*(bytes announced, bytes sent)) -> which of these uploads, coming in at the same time, were let through."""

    through = []

    async def taken(request):
        through.append((request.path_params["number"], await request.body()))
        await asyncio.sleep(0.05)
        return Response(status_code=204)

    gate = UploadGate(Starlette(routes=[Route("/_stcore/upload_file/me/{number:int}", taken, methods=["PUT"])]))

    async def one(number: int, announced: int | None, content: bytes) -> bool:
        path = f"/_stcore/upload_file/me/{number}"
        length = [] if announced is None else [(b"content-length", str(announced).encode())]
        scope = {"type": "http", "method": "PUT", "path": path, "headers": length, "query_string": b""}
        coming = [{"type": "http.request", "body": content[:1], "more_body": True}, {"type": "http.request", "body": content[1:]}]
        answers = []

        async def receive():
            return coming.pop(0)

        async def send(message):
            answers.append(message)

        await gate(scope, receive, send)
        assert answers[0]["status"] == 204 and not coming, "the browser sends all and hears no error"
        assert ((number, content) in through) != (str(number) in room.refused)
        return (number, content) in through

    async def together(uploads):
        through.clear()
        room.refused.clear()
        return await asyncio.gather(*(one(number, *upload) for number, upload in enumerate(uploads)))

    return lambda *uploads: run(together(uploads))


def test_gate_lets_in_what_fits(server, put):
    assert put((6, b"123456"), (6, b"123456")) == [True, False], "what is coming in counts"
    server.uploaded_file_mgr.add_file("me", UploadedFileRec("1", "a.jpg", "image/jpeg", b"12345678"))
    assert put((2, b"12")) == [True]
    assert put((3, b"123")) == [False]


def test_gate_makes_room_too(server, room, put):
    gone = album_of("gone", room, 0, b"12345678")
    server.uploaded_file_mgr.add_file("gone", UploadedFileRec("1", "0.jpg", "image/jpeg", b"12345678"))
    assert put((6, b"123456")) == [True]
    assert not len(gone)


def test_gate_takes_a_silent_upload_for_a_large_one(server, put):
    assert put((None, b"1")) == [False]


@pytest.mark.parametrize("value, megabytes", [("", 2000), ("300", 300), ("many", 2000), ("0", 1)])
def test_budget(monkeypatch, value, megabytes):
    monkeypatch.setenv(photo_budget.VARIABLE, value)
    assert photo_budget._most() == megabytes * 1_000_000
