"""The live view that runs in the visitor's own browser (export/browser)."""

import streamlit as st

from export.browser import serve

# Streamlit loads a component's script from a place without an address of its own, so the runtime is imported by
# its full address.
SCRIPT = """
export default function (component) {
  let cleanup = null;
  let gone = false;
  const address = new URL(component.data.runtime + "/component.js", document.baseURI);
  import(address.href)
    .then((runtime) => { if (!gone) cleanup = runtime.default(component); })
    .catch((error) => { component.parentElement.textContent = `The live view could not be loaded: ${error.message}`; });
  return () => { gone = true; cleanup?.(); };
}
"""


def device_camera(smoothing: float, mesh: bool) -> None:
    """The live view. smoothing: strength, 1 = normal, 0 = none; mesh: draw the faces' mesh too."""
    try:
        address = serve.address()
    except (serve.BundleMissing, FileNotFoundError):
        st.error("This server was started without the in-browser runtime. Start it with `python3 make.py run`.")
        return
    component = st.components.v2.component("pointillist_live", js=SCRIPT)
    component(key="device_camera", data={"runtime": address, "smoothing": smoothing, "mesh": mesh}, height="content")
