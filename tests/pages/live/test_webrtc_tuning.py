"""The stream between browser and server: a busy moment does not end it, a visitor who has gone does, nothing is sent twice."""

import asyncio
import time

import aioice
import pytest
from aiortc import MediaStreamTrack, RTCPeerConnection
from aiortc.contrib.media import MediaRelay
from aiortc.mediastreams import MediaStreamError

from pages.parts.live import webrtc_tuning
from pages.parts.live.server_camera import server_camera  # noqa: F401  sets the stream up, as the page does
from tests.pages.live.test_frame_processor import run


@pytest.fixture
def quick(monkeypatch):
    """Questions ten times as often as usual, patience with each a tenth."""
    monkeypatch.setattr(aioice.ice, "CONSENT_INTERVAL", 0.5)
    monkeypatch.setattr(aioice.stun, "RETRY_RTO", 0.05)


async def connected() -> tuple[aioice.Connection, aioice.Connection]:
    server, browser = aioice.Connection(ice_controlling=False), aioice.Connection(ice_controlling=True)
    for one, other in ((server, browser), (browser, server)):
        await one.gather_candidates()
        other.remote_username, other.remote_password = one.local_username, one.local_password
        for candidate in one.local_candidates:
            await other.add_remote_candidate(candidate)
        await other.add_remote_candidate(None)
    await asyncio.gather(server.connect(), browser.connect())
    return server, browser


def behind_a_queue(connection: aioice.Connection, seconds: float) -> None:
    """What comes in for `connection` waits so long before it is read; None: for good."""
    loop = asyncio.get_running_loop()
    for protocol in connection._protocols:
        read = protocol.datagram_received

        def later(*datagram, read=read):
            if seconds is not None:
                loop.call_later(seconds, read, *datagram)

        protocol.datagram_received = later


async def seconds_until_closed(connection: aioice.Connection, most: float) -> float:
    started = time.perf_counter()
    try:
        await asyncio.wait_for(connection.get_event(), most)
    except TimeoutError:
        pass
    return time.perf_counter() - started


def test_late_answers_keep_the_connection(quick):
    """Two tenths of a second stand for two seconds here; aioice by itself would wait half a one, six times."""

    async def task():
        server, browser = await connected()
        behind_a_queue(server, 0.2)
        lasted = await seconds_until_closed(server, 6)
        await asyncio.gather(server.close(), browser.close())
        return lasted

    assert run(task()) >= 6


def test_a_visitor_who_has_gone_is_noticed(quick):
    async def task():
        server, browser = await connected()
        behind_a_queue(server, None)
        lasted = await seconds_until_closed(server, 30)
        await asyncio.gather(server.close(), browser.close())
        return lasted

    assert 2 < run(task()) < 10  # about 4: three questions every half second, three quarters of a second for each


def test_cameras_are_told_how_much_to_send():
    async def task():
        connection = RTCPeerConnection()
        connection.addTransceiver("video")
        offer = await connection.createOffer()
        await connection.close()
        return offer.sdp

    assert f"x-google-max-bitrate={webrtc_tuning.KBIT_IN}" in run(task())


class Pictures(MediaStreamTrack):
    """Each of `pictures` at its turn, then the end."""

    kind = "video"

    def __init__(self, *pictures):
        super().__init__()
        self._left = list(pictures)

    async def recv(self):
        await asyncio.sleep(0.01)
        if not self._left:
            self.stop()
            raise MediaStreamError
        return self._left.pop(0)


def test_every_picture_is_sent_once():
    async def task():
        one, other = object(), object()
        relay = MediaRelay()
        webrtc_tuning.relay_new_pictures(relay)
        track, got, ended = relay.subscribe(Pictures(one, one, other, other, one)), [], []
        track.on("ended", lambda: ended.append(True))
        with pytest.raises(MediaStreamError):
            while True:
                got.append(await track.recv())
        return got == [one, other, one], bool(ended), track.readyState

    assert run(task()) == (True, True, "ended")
