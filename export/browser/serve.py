"""Serves the in-browser runtime from the app itself: the bundle, and the network cut for the browser.

Everything lies under /runtime/<version>/, where <version> changes with the content, so that a
browser may keep the files for good. `app.py` adds `routes()` to its `st.App`; a page reads
`address()`. What is large was compressed at the build (build.js, export/graph/prepare.py).
"""

import functools
import gzip
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import streamlit as st
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from export import parity
from model.inference.network_file import BROWSER_PARTS, WEIGHTS, WeightsError, prepared

BUNDLE = Path(__file__).parent / "dist"
NETWORK = WEIGHTS

ENDINGS = {True: "_exact.onnx", False: ".plan"}  # of a part in float32, for graphics cards, and in int8, for processors

FOR_GOOD = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
# Said here because some systems' tables are wrong, and browsers refuse modules of another type.
MEDIA_TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm", ".json": "application/json"}
ENCODINGS = {"br": ".br", "gzip": ".gz"}  # the smallest first -> ending of a file that holds another one in it


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
    except WeightsError as error:
        raise NothingToServe(str(error)) from error
    return digest.hexdigest()[:12]


def _served() -> Iterator[tuple[str, bytes]]:
    """Name and content of every file of the runtime, uncompressed."""
    for path in sorted(BUNDLE.iterdir()):
        if path.suffix not in ENCODINGS.values():
            yield path.name, path.read_bytes()
    yield from generated().items()


def address() -> str:
    """Path of the runtime's folder on this server, for example /runtime/0123456789ab."""
    base = st.get_option("server.baseUrlPath").strip("/")
    return (f"/{base}" if base else "") + f"/runtime/{version()}"


@functools.cache
def generated() -> dict[str, bytes]:
    """Name -> content of what is not in the bundle: the networks, and what a browser compares its answers with."""
    files = {f"{name}{ENDINGS[exact]}": part(name, exact) for name in BROWSER_PARTS for exact in ENDINGS}
    files["parity.bin"] = b"".join(parity.inputs(kind).tobytes() for kind in parity.OUTPUTS)
    if found := parity.certificate(NETWORK):
        files["parity.json"] = json.dumps(found).encode()
    return files


@functools.cache
def part(name: str, exact: bool) -> bytes:
    """One network as a file of its own: in float32 (exact) an ONNX file, in int8 a plan; `name` is a key of BROWSER_PARTS. Raises WeightsError."""
    return prepared(NETWORK, f"{name}{ENDINGS[exact]}").read_bytes()


@functools.cache
def _gzipped(name: str, content: bytes) -> bytes:
    """The content compressed; of networks that was done when they were prepared."""
    return prepared(NETWORK, f"{name}.gz").read_bytes() if name.endswith(tuple(ENDINGS.values())) else gzip.compress(content)


def accepted(header: str) -> set[str]:
    """The encodings that an Accept-Encoding header names and does not refuse (q=0)."""
    entries = (entry.lower().replace(" ", "").partition(";q=") for entry in header.split(","))
    return {name for name, _, weight in entries if not weight or weight.strip("0.")}


def _generated(name: str, content: bytes) -> Callable[[Request], Response]:
    """The endpoint that serves this content."""

    def endpoint(request: Request) -> Response:
        headers = dict(FOR_GOOD)
        body = content
        if "gzip" in accepted(request.headers.get("Accept-Encoding", "")):
            headers["Content-Encoding"] = "gzip"
            body = _gzipped(name, content)
        return Response(body, media_type=MEDIA_TYPES.get(Path(name).suffix, "application/octet-stream"), headers=headers)

    return endpoint


class _Bundle(StaticFiles):
    """The bundle's files, each in the smallest encoding that the browser takes and the build has made."""

    def file_response(self, full_path, stat_result, scope, status_code=200) -> Response:
        wanted = accepted(Headers(scope=scope).get("Accept-Encoding", ""))
        encoding = next((name for name, ending in ENCODINGS.items() if name in wanted and os.path.exists(f"{full_path}{ending}")), None)
        path = f"{full_path}{ENCODINGS[encoding]}" if encoding else full_path
        response = super().file_response(path, os.stat(path), scope, status_code)
        response.headers.update(FOR_GOOD)
        if response.status_code != 304:
            if encoding:
                response.headers["Content-Encoding"] = encoding
            response.headers["Content-Type"] = MEDIA_TYPES.get(Path(full_path).suffix, "text/plain")
        return response


def routes() -> list:
    """The routes of the runtime, for st.App; an empty list if the bundle has not been built."""
    try:
        root = address()
    except NothingToServe:  # the live page says so
        return []
    files = [Route(f"{root}/{name}", _generated(name, content)) for name, content in generated().items()]
    return [*files, Mount(root, _Bundle(directory=BUNDLE))]
