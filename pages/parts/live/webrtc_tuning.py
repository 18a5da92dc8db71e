"""What the camera's stream between browser and server is set to beyond the defaults of aiortc and aioice.

The server's event loop handles every single packet, for all visitors, beside whatever else keeps the CPUs busy. What it
cannot handle in time waits in the sockets, first as a picture that lags behind, then as a connection given up.
"""

import aioice.ice
from aiortc import MediaStreamTrack
from aiortc.codecs import CODECS
from aiortc.contrib.media import MediaRelay

KBIT_IN = 800  # per second from each camera; browsers would send two to three times as much of 640 x 480 pixels
ASKED_AGAIN = 3  # times, after 0.5, 1 and 2 seconds: an answer may take 7.5 seconds
UNANSWERED = 3  # such questions, one about every 12 seconds: whoever has vanished is let go of after 40 seconds


def set_up() -> None:
    """Once per process, before the first connection."""
    for codec in CODECS["video"]:
        codec.parameters = {**codec.parameters, "x-google-max-bitrate": KBIT_IN}
    # aioice asks every five seconds whether the browser still agrees to the connection. It waits half a second for the
    # answer and gives the connection up after six in vain, though each may just be waiting behind a busy moment's packets.
    aioice.ice.CONSENT_FAILURES = UNANSWERED
    ask = aioice.ice.StunProtocol.request

    def ask_patiently(self, *args, retransmissions=None, **options):
        # Only this question goes without retransmissions.
        return ask(self, *args, retransmissions=ASKED_AGAIN if retransmissions == 0 else retransmissions, **options)

    aioice.ice.StunProtocol.request = ask_patiently  # type: ignore[method-assign]


class NewPictures(MediaStreamTrack):
    """Of a track only the newest picture, and each once: nothing is encoded and sent that the visitor has seen."""

    kind = "video"

    def __init__(self, track: MediaStreamTrack):
        super().__init__()
        self._track = track
        self._last = None
        track.add_listener("ended", self.stop)

    async def recv(self):
        """The next picture that is not the last one again."""
        while (picture := await self._track.recv()) is self._last:
            pass
        self._last = picture
        return picture

    def stop(self) -> None:
        """Stops this track and the one behind it."""
        super().stop()
        self._track.stop()


def relay_new_pictures(relay: MediaRelay) -> None:
    """Lets a relay hand on new pictures only; as streamlit-webrtc sets it up it queues them all, so that one slow moment
    would delay the picture for good."""
    relay.subscribe = lambda track, buffered=False: NewPictures(type(relay).subscribe(relay, track, buffered=False))  # type: ignore[method-assign]
