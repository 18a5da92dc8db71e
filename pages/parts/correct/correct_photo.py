"""Below a photo's result: correct its points, take the corrections along."""

from collections.abc import Iterator

import streamlit as st

from model.output import coco_folder
from model.output.coco_folder import FolderError
from pages.parts.album.photo_list import Photo, PhotoList
from pages.parts.correct.editor import show_editor
from pages.parts.correct.teach import show_teach
from pages.parts.correct.visitor_corrections import VisitorsCorrections, visitors_corrections
from pages.parts.downloads.download_links import Made, link
from pages.parts.shared.result_text import counted

ZIP = "corrections.zip"


@st.fragment
def show_correct(photo: Photo) -> None:
    """The editor, computed when it is opened. A fragment: an edit leaves the rest of the page alone."""
    if photo.shown is None:
        return
    expander = st.expander("Correct the points", icon=":material/edit:", key=photo.editor, on_change="rerun")
    if expander.open:
        with expander:
            st.markdown(
                "Is a point, a side or a whole detection wrong? Correct it here. In a face the neighbours of a point move along, less the farther "
                "away they are; in a hand a point moves alone. The picture above stays as the network sees it."
            )
            show_editor(photo)
            _offer_corrections(visitors_corrections())
    if photos := visitors_corrections().corrected():
        with st.expander("Teach the network with your corrections", icon=":material/school:", key="teach_room", on_change="rerun") as room:
            if room.open:
                show_teach(photos)


def _offer_corrections(corrections: VisitorsCorrections) -> None:
    photos = corrections.corrected()
    if not photos:
        st.caption("Nothing is corrected yet.")
        return
    instances = sum(label.corrected for photo in photos for label in photo.labels.instances)
    removed = sum(len(photo.labels.removed) for photo in photos)
    words = f"**Corrected: {counted(instances, 'hand or face').replace('hand or faces', 'hands and faces')}** in {counted(len(photos), 'photo')}"
    st.markdown(words + (f", and {counted(removed, 'false detection')} removed." if removed else "."))
    with st.container(horizontal=True, vertical_alignment="center"):
        link(
            "Download the corrections (ZIP)",
            ZIP,
            help="The photos and their points, in COCO form",
            made=Made(lambda: pieces_of(corrections), ZIP, "application/zip"),
        )
    st.caption("The ZIP holds these photos and annotations.json, in COCO form. Unpacked into a folder it is training data: `make.py train --data FOLDER`.")
    most = st.get_option("server.maxUploadSize")
    if sum(len(photo.content) for photo in photos) > 0.9 * most * 1024 * 1024:
        st.warning(
            f"This page takes a ZIP of {most} MB back, and this one may be larger: download it before you correct more photos.", icon=":material/inventory_2:"
        )


def pieces_of(corrections: VisitorsCorrections) -> Iterator[bytes]:
    """The ZIP as it is when it is asked for."""
    return coco_folder.pieces(corrections.corrected())


def offer_import(photo_list: PhotoList) -> None:
    """Takes a ZIP of corrections back: its photos join the visitor's, with their points."""
    with st.expander("Bring corrections back", icon=":material/unarchive:"):
        file = st.file_uploader("A ZIP of corrections that you have downloaded here", type="zip", key=f"corrections_{photo_list.round}")
        if file is None:
            return
        try:
            photos = coco_folder.read(file)
        except FolderError as error:
            st.error(str(error), icon=":material/broken_image:")
            return
        bring_back(photo_list, photos)
        photo_list.empty_drop_zone()
        st.rerun()


def bring_back(photo_list: PhotoList, photos: list[coco_folder.LabelledPhoto]) -> None:
    """The photos into the visitor's list, and their labels into the corrections."""
    corrections = visitors_corrections()
    for photo in photos:
        key = photo_list.add(photo.name, photo.content)
        own = next((each for each in photo_list if each.key == key), None)
        if own is not None:
            corrections.put(own, photo.labels)
