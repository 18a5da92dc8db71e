"""The ways in which photos come in: dropped or chosen files, the clipboard, the camera, an example."""

from collections.abc import Iterator

import streamlit as st
from streamlit.runtime.uploaded_file_manager import DeletedFile, UploadedFile

from model.photo.image_file import SUFFIXES
from model.video.media_type import VIDEO_SUFFIXES
from pages.parts.album.photo_list import GONE, PhotoList
from pages.parts.inputs.archive import Archive, is_archive
from pages.parts.inputs.paste import paste_button
from pages.parts.server import photo_budget


def choose_device() -> bool:
    """Whether the visitor's own browser runs the network."""
    return st.toggle("Process on my device (nothing is uploaded)", key="on_device", bind="query-params", help="The network runs in your browser.")


def take_in(photo_list: PhotoList) -> None:
    """Shows the widgets, in one row as soon as there is a photo to see, and puts what they bring into the photo list."""
    _notice_a_loss(photo_list)
    if len(photo_list) or photo_list.clips:
        with st.container(horizontal=True, vertical_alignment="center", key="inputs_small"):
            with st.container(width=120):
                _from_files(photo_list, "collapsed")
            paste_button("photos", "Paste")
            camera = _camera_switch("Camera")
            _folder_switch("Folder")
    else:
        with st.container(key="inputs_large"):
            _from_files(photo_list, "visible")
        with st.container(horizontal=True, vertical_alignment="center"):
            paste_button("photos", "Paste a picture")
            camera = _camera_switch("Use the camera")
            _folder_switch("Choose a folder")
    if camera:
        _from_camera(photo_list)
    for sentence in photo_list.complaints():
        st.warning(sentence, icon=":material/inventory_2:")


def _notice_a_loss(photo_list: PhotoList) -> None:
    """A server that was started anew has lost the photos; the browser, which keeps the state of widgets, remembers in a hidden one that there were some."""
    if not photo_list.is_new:
        st.session_state["had_photos"] = bool(len(photo_list) or photo_list.clips)
    had_photos = st.checkbox("There are photos", key="had_photos")
    if photo_list.is_new and had_photos:
        photo_list.empty_drop_zone(GONE)
    photo_list.is_new = False


def _camera_switch(label: str) -> bool:
    return st.toggle(label, key="camera_on", persist_state="session")


def _folder_switch(label: str) -> None:
    st.toggle(label, key="whole_folder", persist_state="session", help="The button then takes a whole folder: its photos and videos, at any depth.")


def _from_files(photo_list: PhotoList, label_visibility: str) -> None:
    """The drop zone. It starts anew as soon as its files are in the photo list: from there they are removed, one by one or all."""
    folder = st.session_state.get("whole_folder", False)
    key = f"photos_{photo_list.round}{'_folder' if folder else ''}"
    files = st.file_uploader(  # type: ignore[call-overload]  # it knows "directory" and True, but not a choice of them
        "Drop a folder here or choose it" if folder else "Drop photos, videos or a ZIP here, choose them or paste a photo",
        type=sorted(SUFFIXES | VIDEO_SUFFIXES) if folder else None,  # nothing else of a folder leaves the visitor's device
        accept_multiple_files="directory" if folder else True,
        key=key,
        label_visibility=label_visibility,
        help="JPEG, PNG, WebP, HEIC, TIFF, GIF, BMP or AVIF; MP4, MOV, WebM, MKV or AVI up to two minutes; several at once, or a ZIP of them. "
        "They stay in this server's memory and are never stored.",
    )
    missing = {file.file_id for file in st.session_state[key] if isinstance(file, DeletedFile)}
    if not files and not missing:
        return
    keys = [key for file in files for key in _add(photo_list, _name_of(file), file.getvalue())]
    photo_list.chosen = next((key for key in keys if key), photo_list.chosen)  # the first one that came now
    refused = missing & set(photo_budget.PHOTO_BUDGET.refused)  # else unknown to a server that was started anew
    photo_list.empty_drop_zone((photo_budget.FULL if refused else GONE) if missing else None)
    st.rerun()


def _add(photo_list: PhotoList, name: str, content: bytes) -> Iterator[str | None]:
    """The keys of what came: of one file, or of each photo and video of a ZIP. Where the list is full the rest of a ZIP stays unread."""
    if not is_archive(content):
        yield photo_list.add(name, content)
        return
    archive = Archive(content)
    for member, data in archive.photos():
        key = photo_list.add(member, data)
        yield key
        if not key:
            break
    if complaint := archive.complaint():
        photo_list.complain(complaint)


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
