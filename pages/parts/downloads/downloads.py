"""The files that a visitor can take home, at the photo's own size: download_links.py offers them."""

import io
import json
import zipfile
from collections.abc import Iterable, Iterator

from PIL import Image

from model import open_photo
from model.output.draw import Layers, draw
from model.output.label_tools import label_studio_config, to_label_studio, to_yolo
from model.output.serialize import distinct, to_coco, to_csv, to_json_document, to_json_error
from model.output.zip_stream import Window
from pages.parts.album.photo_list import Photo
from pages.parts.server.work_queue import WORK_QUEUE


def annotated_png(photo: Photo, layers: Layers) -> bytes:
    """The photo at full size with its landmarks, as a PNG file. PhotoError."""
    picture = io.BytesIO()
    with WORK_QUEUE.slot():
        # Level 1: nearly as small for photos, and several times faster.
        Image.fromarray(draw(open_photo(photo.content), photo.findings, layers)).save(picture, "PNG", compress_level=1)
    return picture.getvalue()


def document(photo: Photo, name: str) -> dict:
    """The photo's JSON document: what was found, or why it could not be read."""
    return to_json_error(name, photo.error) if photo.error else to_json_document(name, photo.findings)


def as_json(photo: Photo) -> str:
    """The photo's document as JSON text."""
    return json.dumps(document(photo, photo.label), ensure_ascii=False)


def as_csv(photo: Photo) -> str:
    """A row for each landmark, as CSV text."""
    return to_csv([(photo.label, photo.findings)])


def as_coco(photos: Iterable[Photo]) -> str:
    """The photos' results in COCO form, as JSON text."""
    results = [(photo.label, photo.findings) for photo in photos if photo.result]
    return json.dumps(to_coco(results), ensure_ascii=False)


def label_tool_files(photos: Iterable[Photo]) -> dict[str, str]:
    """The files of both label tools by their paths: yolo/... and label_studio/..."""
    results = [(photo.label, photo.findings) for photo in photos if photo.result]
    files = {f"yolo/{path}": text for path, text in to_yolo(results).items()}
    files["label_studio/tasks.json"] = json.dumps(to_label_studio(results), ensure_ascii=False)
    files["label_studio/interface.xml"] = label_studio_config()
    return files


def as_label_tools(photos: Iterable[Photo], tool: str) -> bytes:
    """ZIP of the files of one label tool, "yolo" or "label_studio"."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as files:
        for path, text in label_tool_files(photos).items():
            folder, _, name = path.partition("/")
            if folder == tool:
                files.writestr(name, text)
    return content.getvalue()


def as_zip(photos: list[Photo], layers: Layers) -> Iterator[bytes]:
    """Annotated pictures, one JSON line per photo (unreadable ones too), one CSV and one COCO file over all, and the files of
    label tools. A picture's number is that of its photo's line.

    Piece by piece: no more than one picture of it is ever in memory.
    """
    named = list(zip(distinct(photo.label for photo in photos), photos))
    read = [(name, photo.findings) for name, photo in named if photo.result]
    window = Window()
    with zipfile.ZipFile(window, "w", zipfile.ZIP_DEFLATED) as files:
        for line, (_, photo) in enumerate(named, 1):
            if photo.result:
                png = zipfile.ZipInfo(f"annotated/{line:02d}_{photo.stem}.png")
                files.writestr(png, annotated_png(photo, layers))  # ZipInfo: stored, PNG is compressed already
                yield window.taken()
        lines = (json.dumps(document(photo, name), ensure_ascii=False) + "\n" for name, photo in named)
        files.writestr("landmarks.jsonl", "".join(lines))
        files.writestr("landmarks.csv", to_csv(read))
        files.writestr("coco.json", json.dumps(to_coco(read), ensure_ascii=False))
        for path, text in label_tool_files(photos).items():
            files.writestr(path, text)
    yield window.taken()
