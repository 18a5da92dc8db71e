"""Starts everything: the web server with its headers and routes, and the navigation between the pages.

Streamlit reads this file twice. The server imports it and runs `app`; every visit then runs it as a script, which
shows the navigation and the page chosen. What the pages share, the one loaded network above all, is in pages/parts.
"""

from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware

from pages.parts.style.header import ICON, show_header

# file in pages/ -> title; a page without its file is left out
PAGES = {
    "upload.py": "Photos",
    "live.py": "Live camera",
    "training.py": "How it works",
}


def show() -> None:
    """The navigation, and the page that the visitor chose (the first one to begin with)."""
    folder = Path(__file__).parent / "pages"
    pages = [st.Page(folder / file, title=title) for file, title in PAGES.items() if (folder / file).exists()]
    page = st.navigation(pages, position="hidden")
    # An icon of our own: named icons, here or on a page's entry, would be loaded from the internet.
    st.set_page_config(page_title=f"{page.title} · Pointillist", page_icon=ICON, layout="wide")
    show_header(pages)
    page.run()


if __name__ == "__main__":
    show()
else:
    from starlette.formparsers import MultiPartParser
    from streamlit import net_util
    from streamlit.runtime.pages_manager import PagesManager

    from export.browser import serve
    from export.browser.headers import Headers
    from pages.parts.downloads import download_links
    from pages.parts.server import session_cleanup, status
    from pages.parts.server.upload_gate import UploadGate

    # Uploads stay in memory: Starlette would put what is larger than a megabyte into a file while it comes in.
    MultiPartParser.spool_max_size = 1 << 40  # the limit is server.maxUploadSize

    # Streamlit would ask a host on the internet for this machine's address when a page of another site tries to
    # connect. Such a page is refused unless its address is in browser.serverAddress or server.corsAllowedOrigins.
    net_util.get_external_ip = net_util.get_internal_ip = lambda: None

    # Streamlit takes any folder named pages for its older kind of navigation, until st.navigation has run for the first
    # time: a visitor who came straight to /live after a start would miss everything in this file.
    PagesManager.uses_pages_directory = False

    session_cleanup.set_up()

    app = st.App(__file__, middleware=[Middleware(Headers), Middleware(UploadGate)], routes=[*serve.routes(), *download_links.routes(), *status.routes()])
