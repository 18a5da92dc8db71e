"""How the runtime's files are handed out: compressed once, each in an encoding that the browser takes, to be kept for good."""

import gzip
import http.client

import pytest

from export.browser import chromium, serve

WASM = "kernels.wasm"


@pytest.fixture(scope="module")
def ask():
    """Function (name, **headers) -> (status, headers, body as sent) of a file of the runtime, from a running server."""
    server, port = chromium.start_server()

    def ask(name: str, **headers: str):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", f"{serve.address()}/{name}", headers={key.replace("_", "-"): value for key, value in headers.items()})
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status, answer.headers, body

    yield ask
    server.should_exit = True


@pytest.mark.parametrize(
    "accept, encoding",
    [("gzip, deflate, br, zstd", "br"), ("gzip", "gzip"), ("br;q=0, gzip;q=0.5", "gzip"), ("", None), ("identity", None), ("br;q=0.0", None)],
)
@pytest.mark.parametrize("name, kind", [("worker.js", "text/javascript"), (WASM, "application/wasm")])
def test_the_bundle_comes_in_an_encoding_that_the_browser_takes(ask, name, kind, accept, encoding):
    status, headers, body = ask(name, Accept_Encoding=accept)
    assert status == 200 and headers["Content-Encoding"] == encoding
    assert int(headers["Content-Length"]) == len(body)
    assert headers["Vary"] == "Accept-Encoding" and "immutable" in headers["Cache-Control"]
    assert headers["Content-Type"] == kind
    whole = (serve.BUNDLE / name).read_bytes()
    if encoding == "br":
        assert body == (serve.BUNDLE / f"{name}.br").read_bytes() and len(body) < len(whole) / 2
    else:
        assert (gzip.decompress(body) if encoding else body) == whole


def test_the_build_has_compressed_every_file():
    files = {path.name for path in serve.BUNDLE.iterdir()}
    whole = {name for name in files if not name.endswith((".br", ".gz"))}
    assert files == whole | {f"{name}{ending}" for name in whole for ending in (".br", ".gz")}


def test_each_encoding_has_an_etag_of_its_own(ask):
    tags = {encoding: ask("worker.js", Accept_Encoding=encoding)[1]["ETag"] for encoding in ("br", "gzip", "identity")}
    assert len(set(tags.values())) == 3
    status, headers, body = ask("worker.js", Accept_Encoding="br", If_None_Match=tags["br"])
    assert status == 304 and body == b"" and headers["Vary"] == "Accept-Encoding" and headers["ETag"] == tags["br"]
    assert ask("worker.js", Accept_Encoding="br", If_None_Match=tags["gzip"])[0] == 200


@pytest.mark.parametrize("name", ["hand.plan", "detector_exact.onnx", "parity.bin", "parity.json"])
def test_networks_are_compressed_too(ask, name):
    content = serve.generated()[name]
    plain, packed = ask(name), ask(name, Accept_Encoding="gzip, br")
    assert plain[2] == content and plain[1]["Content-Encoding"] is None
    assert gzip.decompress(packed[2]) == content and packed[1]["Content-Encoding"] == "gzip" and len(packed[2]) < 0.9 * len(content)
    for _, headers, body in (plain, packed):
        assert int(headers["Content-Length"]) == len(body)
        assert headers["Vary"] == "Accept-Encoding" and "immutable" in headers["Cache-Control"]


def test_nothing_is_compressed_twice(ask):
    ask("face.plan", Accept_Encoding="gzip")
    before = serve._gzipped.cache_info()
    ask("face.plan", Accept_Encoding="gzip")
    assert serve._gzipped.cache_info().misses == before.misses


def test_isolated_pages_may_load_it(ask):
    for name in ("worker.js", WASM, "hand.plan"):
        _, headers, _ = ask(name, Accept_Encoding="br, gzip")
        assert headers["Cross-Origin-Embedder-Policy"] == "require-corp" and headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_what_is_not_there(ask):
    assert ask("nothing.plan")[0] == 404 and ask("../serve.py")[0] == 404
