"""What a visitor can take home. All files are made when the button is pressed, at the photo's own size."""

import io
import json
import zipfile
from collections.abc import Iterable

import streamlit as st
from PIL import Image

from model import open_photo
from model.draw import Layers, draw
from model.formats import to_coco, to_csv, to_json_document, to_json_error
from pages.parts.album import Photo
from pages.parts.turns import TURNS


def annotated_png(photo: Photo, layers: Layers) -> bytes:
    picture = io.BytesIO()
    with TURNS.turn():
        # Level 1: nearly as small for photos, and several times faster.
        Image.fromarray(draw(open_photo(photo.content), photo.result, layers)).save(picture, "PNG", compress_level=1)
    return picture.getvalue()


def document(photo: Photo) -> dict:
    """The photo's JSON document: what was found, or why it could not be read."""
    if photo.error:
        return to_json_error(photo.shown_name, photo.error)
    return to_json_document(photo.shown_name, photo.result)


def as_json(photo: Photo) -> str:
    return json.dumps(document(photo), ensure_ascii=False)


def as_csv(photo: Photo) -> str:
    return to_csv([(photo.shown_name, photo.result)])


def as_coco(photos: Iterable[Photo]) -> str:
    results = [(photo.shown_name, photo.result) for photo in photos if photo.result]
    return json.dumps(to_coco(results), ensure_ascii=False)


def as_zip(photos: list[Photo], layers: Layers) -> bytes:
    """Annotated pictures, one JSON line per photo (unreadable ones too), one CSV and one COCO file over all."""
    archive = io.BytesIO()
    read = [photo for photo in photos if photo.result]
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as files:
        for place, photo in enumerate(read, 1):
            png = zipfile.ZipInfo(f"annotated/{place:02d}_{photo.stem}.png")
            files.writestr(png, annotated_png(photo, layers))  # ZipInfo: stored, PNG is compressed already
        files.writestr("landmarks.jsonl", "".join(as_json(photo) + "\n" for photo in photos))
        files.writestr("landmarks.csv", to_csv([(photo.shown_name, photo.result) for photo in read]))
        files.writestr("coco.json", as_coco(photos))
    return archive.getvalue()


def offer_downloads(photo: Photo, layers: Layers) -> None:
    """The download buttons of one photo."""
    stem = photo.stem
    files = [
        ("Picture", lambda: annotated_png(photo, layers), f"{stem}_landmarks.png", "image/png"),
        ("JSON", lambda: as_json(photo), f"{stem}.json", "application/json"),
        ("CSV", lambda: as_csv(photo), f"{stem}.csv", "text/csv"),
        ("COCO", lambda: as_coco([photo]), f"{stem}_coco.json", "application/json"),
    ]
    with st.container(horizontal=True, gap="small"):
        for label, make, file_name, mime in files:
            st.download_button(
                label,
                make,
                file_name=file_name,
                mime=mime,
                key=f"{label}_{photo.key}",
                icon=":material/download:",
                on_click="ignore",
            )


def offer_zip(photos: list[Photo], layers: Layers) -> None:
    st.download_button(
        "Download all (ZIP)",
        lambda: as_zip(photos, layers),
        file_name="pointillist.zip",
        mime="application/zip",
        icon=":material/folder_zip:",
        on_click="ignore",
        help="All annotated pictures, and the points as JSON, CSV and COCO.",
    )
