"""Pictures to take home: made while they are sent, one at a time, for the visitor that they belong to."""

import asyncio
import gc
import io
import json
import tracemalloc
import zipfile
from urllib.parse import quote

import numpy as np
import pytest
from PIL import Image
from starlette.applications import Starlette
from streamlit.testing.v1 import AppTest

from model import Result
from model.output.draw import Layers
from pages.parts.album.photo_list import Photo, PhotoList
from pages.parts.downloads import download_links, downloads
from tests.pages.live.test_frame_processor import run
from tests.pages.test_hostile import ROOT
from tests.pages.test_upload import png, upload

SIDE = 600  # pixels; noise, which no coder makes smaller


def noisy(number: int, name: str) -> Photo:
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(number).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)).save(file, "JPEG")
    photo = Photo(name, file.getvalue())
    photo.result = Result(SIDE, SIDE, (), (), {})
    return photo


@pytest.fixture
def offer() -> download_links.Offer:
    """Of a photo list with two photos of one name and one that could not be read."""
    photo_list = PhotoList("me")
    for number, name in enumerate(('Ä "1".jpg', 'Ä "1".jpg', "notes.txt")):
        photo = noisy(number, name)
        photo_list.add(name, photo.content)
        kept = list(photo_list)[-1]
        kept.result, kept.error = (None, "This is no picture.") if name == "notes.txt" else (photo.result, None)
    mine = download_links.Offer(photo_list)
    download_links._offers[mine.secret] = mine
    return mine


@pytest.fixture
def get():
    """Function (*addresses) -> status, headers and body of each answer, all asked for at once."""
    app = Starlette(routes=download_links.routes())

    async def one(address: str):
        answers = []

        async def receive():
            await asyncio.Event().wait()  # the visitor stays

        async def send(message):
            await asyncio.sleep(0)
            answers.append(message)

        scope = {"type": "http", "method": "GET", "path": address, "headers": [], "query_string": b"", "http_version": "1.1"}
        await app(scope, receive, send)
        return answers[0]["status"], dict(answers[0]["headers"]), b"".join(message.get("body", b"") for message in answers[1:])

    async def all_at_once(addresses):
        return await asyncio.gather(*map(one, addresses))

    return lambda *addresses: run(all_at_once(addresses))


def test_a_visitor_takes_all_and_single_pictures_at_once(offer, get):
    first = next(iter(offer.photo_list))
    (status, headers, archive), (status_of_one, headers_of_one, picture) = get(
        f"/takeaway/{offer.secret}/pointillist.zip", f"/takeaway/{offer.secret}/{first.key}.png"
    )
    assert status == status_of_one == 200
    assert headers[b"content-disposition"] == b"attachment; filename*=utf-8''pointillist.zip"
    assert headers_of_one[b"content-disposition"] == f"attachment; filename*=utf-8''{quote('Ä__1_landmarks.png')}".encode()
    assert headers[b"cache-control"] == headers_of_one[b"cache-control"] == b"no-store"
    assert Image.open(io.BytesIO(picture)).size == (SIDE, SIDE)
    with zipfile.ZipFile(io.BytesIO(archive)) as files:
        assert files.testzip() is None
        pictures = ["annotated/01_Ä__1.png", "annotated/02_Ä__1___2.png"]
        yolo = [f"yolo/{kind}/labels/{stem}.txt" for stem in ('Ä "1"', 'Ä "1" (2)') for kind in ("hands", "faces")]
        assert files.namelist() == [
            *pictures, "landmarks.jsonl", "landmarks.csv", "coco.json",
            "yolo/hands/data.yaml", "yolo/faces/data.yaml", *yolo, "label_studio/tasks.json", "label_studio/interface.xml",
        ]  # fmt: skip
        names = [json.loads(line)["photo"] for line in files.read("landmarks.jsonl").decode().splitlines()]
        assert names == ['Ä "1".jpg', 'Ä "1" (2).jpg', "notes.txt"]
        assert [image["file_name"] for image in json.loads(files.read("coco.json"))["images"]] == names[:2]
        assert files.read("annotated/01_Ä__1.png") == picture


def test_only_who_knows_the_secret_takes_anything(offer, get):
    key = next(iter(offer.photo_list)).key
    for address in ("/takeaway/x/pointillist.zip", f"/takeaway/x/{key}.png", f"/takeaway/{offer.secret}/x.png"):
        [(status, _, body)] = get(address)
        assert status == 404 and body == b"These photos are no longer on this server. Reload the page and drop them again."
    offer.photo_list.clear()
    [(status, _, _)] = get(f"/takeaway/{offer.secret}/pointillist.zip")
    assert status == 404


def test_the_offer_goes_with_the_visitor():
    offer = download_links.Offer(PhotoList("me"))
    download_links._offers[secret := offer.secret] = offer
    assert secret in download_links._offers
    del offer
    gc.collect()
    assert secret not in download_links._offers


def test_one_picture_is_in_memory_at_a_time():
    """The peak for many photos is that for one; all of them in memory would be ten times as much."""

    def peak(count: int) -> int:
        photos = [noisy(number, f"{number}.jpg") for number in range(count)]
        tracemalloc.start()
        try:
            length = sum(map(len, downloads.as_zip(photos, Layers())))
            assert length > count * SIDE * SIDE
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(1)
    assert peak(10) < 1.5 * peak(1)


def test_pictures_are_made_as_they_are_taken(monkeypatch):
    made = []
    monkeypatch.setattr(downloads, "annotated_png", lambda photo, layers: made.append(photo) or b"png")
    pieces = downloads.as_zip([noisy(number, "a.jpg") for number in range(3)], Layers())
    for count in (1, 2, 3):
        assert next(pieces) and len(made) == count


def test_the_page_offers_them():
    """Under an address that is answered, with the layers that the visitor chose."""
    before = set(download_links._offers)
    visitor = AppTest.from_file(ROOT / "app.py", default_timeout=60).run()
    upload(visitor, ("a.png", png(), "image/png"), ("a.png", png((1, 2, 3)), "image/png"))
    assert not visitor.exception
    assert [photo.label for photo in visitor.session_state["photo_list"]] == ["a.png", "a (2).png"]
    assert [element.value for element in visitor.text] == ["a.png"], "the first of the two"
    mine = visitor.session_state["takeaway"]
    assert mine.photo_list is visitor.session_state["photo_list"] and set(download_links._offers) - before == {mine.secret}
    visitor.pills(key="layers").set_value(["mesh", "photo"])
    visitor.run()
    assert visitor.session_state["takeaway"] is mine
    assert mine.layers.mesh and mine.layers.photo and not mine.layers.labels
