"""Puts a module of the in-browser runtime (export/browser) into a page as a Streamlit component."""

from collections.abc import Callable
from typing import Any, Literal

import streamlit as st

from export.browser import serve

MISSING = "This server was started without the in-browser runtime (`python3 make.py run` builds it)."

# Streamlit loads a component's script from a place without an address of its own, so the module is imported by its
# full address.
_SCRIPT = """
export default function (component) {
  let cleanup = null;
  let gone = false;
  import(new URL(component.data.runtime + "/%s", document.baseURI).href)
    .then((module) => { if (!gone) cleanup = module.default(component); })
    .catch((error) => {
      component.parentElement.textContent = error instanceof SyntaxError
        ? "This browser is too old for this part of the page; a newer one shows it."
        : `This part of the page could not be loaded (${error.message}). Reload the page.`;
    });
  return () => { gone = true; cleanup?.(); };
}
"""


def runtime_component(module: str, data: dict | None = None, *, width: Literal["stretch", "content"] = "stretch", **callbacks: Callable) -> Any:
    """The component with the script dist/`module`, with `data` for it; None if the runtime was not built.

    callbacks: on_NAME_change for every state value that the script sets.
    """
    try:
        address = serve.address()
    except serve.NothingToServe:
        return None
    name = module.removesuffix(".js")
    component = st.components.v2.component(f"pointillist_{name}", js=_SCRIPT % module)
    return component(key=f"runtime_{name}", data={"runtime": address, **(data or {})}, height="content", width=width, **callbacks)  # type: ignore[arg-type]
