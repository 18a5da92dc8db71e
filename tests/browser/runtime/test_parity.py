"""The committed network, in a real Chromium, gives the certificate's reference answers: to half a pixel in single precision, to two in
eight bits, where processors round differently."""

import json

import pytest

from export import parity
from export.browser import chromium

pytestmark = pytest.mark.browser

SOFTWARE_WEBGPU = (  # a graphics card in software: slow, but it computes what a card computes
    "--enable-unsafe-webgpu",
    "--use-webgpu-adapter=swiftshader",
    "--enable-features=Vulkan",
)


@pytest.mark.parametrize("provider, switches, most", [("wasm", (), 2), ("webgpu", SOFTWARE_WEBGPU, 0.5)])
def test_browser_equals_reference(launch_chromium, provider, switches, most):
    found = chromium.measure(launch_chromium(*switches), provider)
    print(found)
    assert ("WebGPU" in found["engine"]) == (provider == "webgpu")
    assert found["difference"] < most


def test_certificate_tells_all_three():
    certificate = json.loads(parity.CERTIFICATE.read_text())
    apart = certificate["largest_difference_in_crop_pixels"]
    assert set(apart) == {"torch and onnxruntime", "onnxruntime and the browser's engine"}
    assert apart["torch and onnxruntime"] < 0.1 and apart["onnxruntime and the browser's engine"] < 2
