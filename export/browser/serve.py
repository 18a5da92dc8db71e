"""Serves the in-browser runtime from the app itself: the bundle, and the network cut for the browser.

Everything lies under /runtime/<version>/, where <version> changes with the content, so that a
browser may keep the files for good. `app.py` adds `routes()` to its `st.App`; a page reads
`address()`.
"""

import functools
import hashlib
import io
import json
from collections.abc import Iterator
from pathlib import Path

import onnx
import streamlit as st
from onnx.utils import Extractor
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from export import parity
from export.graph import weight_packing
from model.runtime.session import as_run

BUNDLE = Path(__file__).parent / "dist"
NETWORK = Path(__file__).parents[2] / "model" / "weights" / "pointillist.onnx"

# onnxruntime-web cannot run only a part of a graph, so each network becomes a file of its own.
# The feature maps and heat maps are left out: the live page does not show them.
PARTS = {
    "detector": ["detections"],
    "hand": ["hand", "hand_sigma", "hand_presence", "handedness"],
    "face": ["face", "face_sigma", "face_presence", "face_ibug68"],
}

EXACT = "_exact"  # asks for a part in single precision

FOR_GOOD = {"Cache-Control": "public, max-age=31536000, immutable"}


class NothingToServe(RuntimeError):
    """The bundle has not been built, or the network is missing or damaged; the text is one plain sentence."""


@functools.cache
def version() -> str:
    """12 hex digits over all that is served, not over what it is made from: the code that makes it changes too.

    Raises NothingToServe.
    """
    if not (BUNDLE / "worker.js").exists():
        raise NothingToServe("The in-browser runtime is not built; installing the project builds it (make.py run).")
    digest = hashlib.sha256()
    try:
        for name, content in _served():
            digest.update(f"{name} {hashlib.sha256(content).hexdigest()}\n".encode())
    except Exception as error:  # onnx's errors share no base class, and the graph may be nonsense
        raise NothingToServe(f"The weights file {NETWORK.name} is missing or damaged; put the released one in its place.") from error
    return digest.hexdigest()[:12]


def _served() -> Iterator[tuple[str, bytes]]:
    """Name and content of every file of the runtime."""
    for path in sorted(BUNDLE.iterdir()):
        yield path.name, path.read_bytes()
    for name in PARTS:
        for exact in (False, True):
            yield f"{name}{EXACT if exact else ''}.onnx", part(name, exact)
    yield "parity.bin", parity_pictures()
    yield "parity.json", json.dumps(parity.certificate(NETWORK)).encode()


def address() -> str:
    """Path of the runtime's folder on this server, for example /runtime/0123456789ab."""
    base = st.get_option("server.baseUrlPath").strip("/")
    return (f"/{base}" if base else "") + f"/runtime/{version()}"


@functools.cache
def part(name: str, exact: bool) -> bytes:
    """One network as an ONNX file of its own, to be computed in single precision or in eight bits; `name` is a key of PARTS."""
    cut = Extractor(as_run(onnx.load(NETWORK), exact)).extract_model(["image"], PARTS[name])
    weight_packing.pack(cut)
    # The entries that describe the weights to people stay with the original file.
    del cut.metadata_props[:]
    buffer = io.BytesIO()
    onnx.save(cut, buffer)
    return buffer.getvalue()


def _part(request) -> Response:
    asked = request.path_params["name"]
    name = asked.removesuffix(EXACT)
    if name not in PARTS:
        raise HTTPException(404)
    return Response(part(name, asked != name), media_type="application/octet-stream", headers=FOR_GOOD)


def parity_pictures() -> bytes:
    return b"".join(parity.inputs(kind).tobytes() for kind in parity.OUTPUTS)


def _parity_pictures(request) -> Response:
    return Response(parity_pictures(), media_type="application/octet-stream", headers=FOR_GOOD)


def _parity_reference(request) -> Response:
    found = parity.certificate(NETWORK)
    return JSONResponse(found, headers=FOR_GOOD) if found else Response(status_code=404)


# Said here because some systems' tables are wrong, and browsers refuse modules of another type.
MEDIA_TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm"}


class _Bundle(StaticFiles):
    async def get_response(self, path, scope):
        response = await super().get_response(path, scope)
        response.headers.update(FOR_GOOD)
        if (ending := Path(path).suffix) in MEDIA_TYPES:
            response.headers["Content-Type"] = MEDIA_TYPES[ending]
        return response


def routes() -> list:
    """The routes of the runtime, for st.App; an empty list if the bundle has not been built."""
    try:
        root = address()
    except NothingToServe:  # the live page says so
        return []
    return [
        Route(root + "/{name}.onnx", _part),
        Route(root + "/parity.bin", _parity_pictures),
        Route(root + "/parity.json", _parity_reference),
        Mount(root, _Bundle(directory=BUNDLE)),
    ]
