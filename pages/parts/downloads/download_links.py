"""The downloads that a page offers. Annotated pictures are made while they are sent: one of them is in memory at a time.

Streamlit's own download button makes the whole file first and keeps it while the visitor is there; a ZIP of all pictures takes nine
times as much as the photos. So pictures have addresses of their own, with a secret in them that only the visitor's page knows.
"""

import secrets
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import quote

import anyio
import anyio.to_thread
import streamlit as st
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from model.output.draw import Layers
from pages.parts.album import clip_files
from pages.parts.album.photo_list import Photo, PhotoList, visitors_photo_list
from pages.parts.downloads.downloads import annotated_png, as_coco, as_csv, as_json, as_label_tools, as_zip
from pages.parts.server.work_queue import WORK_QUEUE
from pages.parts.style.component_css import component_css

ZIP = "pointillist.zip"
GONE = "These photos are no longer on this server. Reload the page and drop them again."
_PIECE = 1 << 18  # bytes: as much as the server hands on before it waits for the visitor's network

_component = st.components.v2.component(
    "pointillist_takeaway",
    html='<a class="button" download></a>',
    css=component_css(Path(__file__).with_name("download_links.css")),
    js="""export default function ({ data, parentElement }) {
      const link = parentElement.querySelector("a");
      link.textContent = data.label;
      link.title = data.help;
      link.href = new URL(data.address, document.baseURI).href;
    }""",
)


@dataclass(frozen=True)
class Made:
    """A file of another part of the page: its pieces, made while they are sent, the name it is kept under and its media type. `make` holds no photo
    itself, so that none outlasts its removal."""

    make: Callable[[], Iterator[bytes]]
    name: str
    media_type: str


class Offer:
    """What one visitor may take home. It goes when the visitor's session goes."""

    def __init__(self, photo_list: PhotoList):
        self.photo_list = photo_list
        self.made: dict[str, Made] = {}  # by the last part of their addresses
        self.layers = Layers()
        self.secret = secrets.token_urlsafe(24)
        self.taking = anyio.Lock()


_offers: weakref.WeakValueDictionary[str, Offer] = weakref.WeakValueDictionary()
# Threads that make pictures. They may wait for their turn, so they are not of those that serve everything else.
_makers = anyio.CapacityLimiter(WORK_QUEUE.places)


def offer_downloads(photo: Photo, layers: Layers) -> None:
    """The downloads of one photo."""
    stem = photo.stem
    files: list[tuple[str, Callable[[], str | bytes], str, str]] = [
        ("JSON", lambda: as_json(photo), f"{stem}.json", "application/json"),
        ("CSV", lambda: as_csv(photo), f"{stem}.csv", "text/csv"),
        ("COCO", lambda: as_coco([photo]), f"{stem}_coco.json", "application/json"),
    ]
    labels: list[tuple[str, Callable[[], str | bytes], str, str]] = [
        ("YOLO-pose", lambda: as_label_tools([photo], "yolo"), f"{stem}_yolo.zip", "application/zip"),
        ("Label Studio", lambda: as_label_tools([photo], "label_studio"), f"{stem}_label_studio.zip", "application/zip"),
    ]
    with st.container(horizontal=True, gap="xsmall"):
        link("Picture", f"{photo.key}.png", layers)
        for file in files:
            _button(photo, *file)
        with st.popover("Label tools", help="The points as labels, to correct or to train from."):
            for file in labels:
                _button(photo, *file)


def _button(photo: Photo, label: str, make: Callable[[], str | bytes], file_name: str, mime: str) -> None:
    st.download_button(label, make, file_name=file_name, mime=mime, key=f"{label}_{photo.key}", icon=":material/download:", on_click="ignore")


def offer_zip(layers: Layers) -> None:
    """All photos of the visitor."""
    link("Download all (ZIP)", ZIP, layers, "All annotated pictures, and the points as JSON, CSV, COCO, YOLO-pose and for Label Studio.")


def link(label: str, file: str, layers: Layers | None = None, help: str = "", made: Made | None = None) -> None:
    """For `file`: ZIP, the key of a photo with ".png", that of a video with one of the endings of its files, or what `made` makes."""
    address = address_of(file, made, layers)
    _component(key=f"takeaway_{file}", data={"label": label, "help": help, "address": address}, width="content")


def address_of(file: str, made: Made | None = None, layers: Layers | None = None) -> str:
    """The address of a file (see `link`), relative to the page's."""
    if "takeaway" not in st.session_state:
        offer = st.session_state["takeaway"] = Offer(visitors_photo_list())
        _offers[offer.secret] = offer
    offer = st.session_state["takeaway"]
    offer.layers = layers or offer.layers
    if made:
        offer.made[file] = made
    base = st.get_option("server.baseUrlPath").strip("/")
    return f"{base and '/'}{base}/takeaway/{offer.secret}/{file}"


def routes() -> list[Route]:
    """The app's routes that answer downloads."""
    base = st.get_option("server.baseUrlPath").strip("/")
    return [Route(f"{base and '/'}{base}/takeaway/{{secret}}/{{file}}", _answer)]


def _answer(request: Request) -> Response:
    offer = _offers.get(request.path_params["secret"])
    file = request.path_params["file"]
    if offer is None:
        return PlainTextResponse(GONE, 404)
    photos = [photo for photo in list(offer.photo_list) if photo.analysed]
    if file in offer.made:
        made = offer.made[file]
        return _Taken(offer, made.make, made.name, made.media_type)
    if file == ZIP and photos:
        return _Taken(offer, lambda: as_zip(photos, offer.layers), ZIP, "application/zip")
    for photo in photos:
        if photo.result and file == f"{photo.key}.png":
            return _Taken(offer, partial(_drawn, photo, offer.layers), f"{photo.stem}_landmarks.png", "image/png")
    key, _, suffix = file.rpartition(".")
    clip = offer.photo_list.clips.get(key)
    if clip and clip.drawing and suffix in clip_files.TYPES:
        return _Taken(offer, lambda: clip_files.pieces(clip, suffix), clip_files.file_name(clip, suffix), clip_files.TYPES[suffix])
    return PlainTextResponse(GONE, 404)


def _drawn(photo: Photo, layers: Layers) -> Iterator[bytes]:
    yield annotated_png(photo, layers)


class _Taken(Response):
    """Sends what make() gives, piece by piece. Who asks for two files at once gets the second when the first has gone."""

    def __init__(self, offer: Offer, make: Callable[[], Iterator[bytes]], name: str, media_type: str):
        super().__init__()
        self._taking, self._make, self._type = offer.taking, make, media_type
        # A name holds letters of any alphabet: written the way that takes them all.
        self._about = {"Content-Disposition": f"attachment; filename*=utf-8''{quote(name)}", "Cache-Control": "no-store"}

    async def __call__(self, scope, receive, send) -> None:
        async with self._taking:
            await StreamingResponse(_pieces(self._make()), headers=self._about, media_type=self._type)(scope, receive, send)


async def _pieces(made: Iterator[bytes]) -> AsyncIterator[bytes]:
    while (content := await anyio.to_thread.run_sync(next, made, None, limiter=_makers)) is not None:
        for start in range(0, len(content), _PIECE):
            yield content[start : start + _PIECE]
        del content  # before the next one is made
