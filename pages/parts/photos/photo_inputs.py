"""The ways in which photos come in: dropped or chosen files, the clipboard, the camera, an example."""

import streamlit as st
from streamlit.runtime.uploaded_file_manager import DeletedFile, UploadedFile

from pages.parts.photos.paste import paste_button
from pages.parts.photos.photo_list import GONE, PhotoList
from pages.parts.server import photo_budget
from pages.parts.shared.examples import EXAMPLES


def take_in(photo_list: PhotoList) -> None:
    """Shows the widgets and puts what they bring into the photo list."""
    _from_files(photo_list)
    with st.container(horizontal=True, vertical_alignment="center"):
        paste_button("photos")
        camera = st.toggle("Use the camera", key="camera_on", help="Take a picture with this device's camera.")
        if len(photo_list) or photo_list.clips:
            st.button("Remove all photos", icon=":material/delete:", on_click=photo_list.clear)
    if camera:
        _from_camera(photo_list)
    for sentence in photo_list.complaints():
        st.warning(sentence, icon=":material/inventory_2:")


def _from_files(photo_list: PhotoList) -> None:
    """The drop zone.

    The widget forgets its files when the visitor goes to another page, the photo list doesn't. So only a file that the
    widget itself has shown and shows no longer was removed by the visitor.
    """
    key = f"photos_{photo_list.round}"
    if key not in st.session_state:
        st.session_state["files_shown"] = {}
    files = st.file_uploader(
        "Drop photos or videos here, choose them or paste a photo",
        accept_multiple_files=True,
        key=key,
        help="JPEG, PNG, WebP, HEIC, TIFF, GIF, BMP or AVIF; MP4, MOV, WebM, MKV or AVI up to two minutes; several at once. "
        "They stay in this server's memory and are never stored.",
    )
    before: dict[str, str | None] = st.session_state["files_shown"]
    now = {file.file_id: before.get(file.file_id) or photo_list.add(_name_of(file), file.getvalue()) for file in files}
    for photo_key in set(before.values()) - set(now.values()):
        if photo_key:
            photo_list.remove(photo_key)
    st.session_state["files_shown"] = now
    missing = {file.file_id for file in st.session_state[key] if isinstance(file, DeletedFile)}
    if missing:  # dropped at the gate, or unknown to a server that was started anew
        photo_list.empty_drop_zone(photo_budget.FULL if missing & set(photo_budget.PHOTO_BUDGET.refused) else GONE)
        st.rerun()


def _name_of(file: UploadedFile) -> str:
    """As its owner wrote it: browsers send three characters of a file's name encoded, and no others."""
    return file.name.replace("%22", '"').replace("%0D", "\r").replace("%0A", "\n")


def _from_camera(photo_list: PhotoList) -> None:
    """The camera; every picture taken stays in the photo list."""
    shot = st.camera_input("Take a picture", key=f"camera_{photo_list.round}", resolution="720p", width=640)
    if shot is None or st.session_state.get("last_shot") == shot.file_id:
        return
    st.session_state["last_shot"] = shot.file_id
    shots = st.session_state["shots"] = st.session_state.get("shots", 0) + 1
    photo_list.add(f"camera {shots}.jpg", shot.getvalue())


def offer_examples(photo_list: PhotoList) -> None:
    """Example pictures, each with a button that puts it into the photo list."""
    grid = st.grid(len(EXAMPLES), min_column_width=100, gap="xsmall")  # beside each other on a phone too
    for example in EXAMPLES:
        with grid.cell():
            st.image(str(example.path), alt=example.description, width="stretch")
            st.button(
                example.title,
                key=f"example_{example.file}",
                on_click=lambda example=example: photo_list.add(example.file, example.path.read_bytes()),
                width="stretch",
                wrap=True,
            )
