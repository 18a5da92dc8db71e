"""One video with what was found in it: to play, to step through, and over time."""

import streamlit as st

from model.output.annotated_video import picture_at
from model.output.draw import percent
from model.video.timeline import Track
from model.video.video_limits import in_words
from pages.parts.album.clip import Clip
from pages.parts.album.photo_list import PhotoList
from pages.parts.downloads.download_links import link
from pages.parts.shared.result_text import counted
from pages.parts.videos.clip_charts import line_chart, presence_chart
from pages.parts.videos.clip_frame import TAKEN, correct_frame


def show_clips(photo_list: PhotoList) -> None:
    """All videos that have been analysed, in the order they came."""
    if st.session_state.pop(TAKEN, None):
        st.toast("The frame is a photo now: correct its points above.", icon=":material/edit:", duration="long")
    for clip in list(photo_list.clips.values()):
        if clip.finished:
            with st.container(border=True, key=f"clip_{clip.key}"):
                st.button("Remove", icon=":material/close:", type="tertiary", key=f"remove_{clip.key}", on_click=photo_list.remove, args=(clip.key,))
                show_clip(clip, photo_list)


@st.fragment
def show_clip(clip: Clip, photo_list: PhotoList) -> None:
    """A fragment: stepping through one video leaves the rest of the page alone."""
    with st.container():
        if clip.error:
            st.text(clip.shown_name)
            st.error(clip.error, icon=":material/broken_image:")
            return
        picture, findings = st.columns([3, 2], gap="medium")
        with picture:
            st.video(clip.drawing, format="video/mp4", width="stretch")
        with findings:
            st.text(clip.shown_name)  # never as markup: the name is the visitor's
            _findings(clip)
            _downloads(clip)
        _step(clip, photo_list)
        _charts(clip)


def summary(tracks: list[Track]) -> str:
    """One sentence: how many hands and faces there are over the whole video."""
    hands, faces = (sum(track.kind == kind for track in tracks) for kind in ("hand", "face"))
    if not hands and not faces:
        return "No hands or faces found."
    text = f"{counted(hands, 'hand')} and {counted(faces, 'face')}"
    return f"{text[0].upper()}{text[1:]}."


def _findings(clip: Clip) -> None:
    tracks = list(clip.timeline.tracks.values())
    st.markdown(f"**{summary(tracks)}**")
    st.markdown(
        "\n".join(
            f"- **{track.title}**: {track.seconds[0]:.1f} to {track.seconds[-1]:.1f} s, {len(track.frames)} frames, confidence {percent(track.confidence)}"
            for track in tracks
        )
    )
    if clip.note:
        st.warning(clip.note, icon=":material/content_cut:")
    width, height = clip.size_px
    frames, seconds = len(clip.timeline.seconds), clip.timeline.seconds[-1]
    st.caption(f"{width} × {height} pixels, {frames} frames, {in_words(seconds)}; analysed in {in_words(clip.worked)}")


def _downloads(clip: Clip) -> None:
    with st.container(horizontal=True, gap="small"):
        for label, suffix in {"Video": "mp4", "CSV": "csv", "Parquet": "parquet", "JSON": "jsonl"}.items():
            link(label, f"{clip.key}.{suffix}")


def _step(clip: Clip, photo_list: PhotoList) -> None:
    """Frame by frame."""
    last = len(clip.timeline.seconds) - 1
    key = f"frame_{clip.key}"

    def move(step: int) -> None:
        st.session_state[key] = min(max(st.session_state[key] + step, 0), last)

    expander = st.expander("Frame by frame", icon=":material/slideshow:", key=f"step_{clip.key}", on_change="rerun")
    if not expander.open:
        return
    with expander:
        frame = st.slider("Frame", 0, last, key=key) if last else 0
        with st.container(horizontal=True):
            st.button("Previous", icon=":material/skip_previous:", key=f"back_{clip.key}", on_click=move, args=(-1,), disabled=frame == 0)
            st.button("Next", icon=":material/skip_next:", key=f"on_{clip.key}", on_click=move, args=(1,), disabled=frame == last)
            chosen = st.button(
                "Correct this frame",
                icon=":material/edit:",
                key=f"fix_{clip.key}",
                on_click=correct_frame,
                args=(photo_list, clip, frame),
                help="It becomes a photo above, with its points to correct.",
            )
        if chosen and TAKEN in st.session_state:
            st.rerun()  # of the page: so far this fragment alone runs
        elif chosen:
            for sentence in photo_list.complaints():
                st.warning(sentence, icon=":material/inventory_2:")
        picture, findings = st.columns([3, 2], gap="medium")
        with picture:
            st.image(picture_at(clip.drawing, frame), alt=f"Frame {frame} with its landmarks", width="stretch")
        with findings:
            st.markdown(f"**{clip.timeline.seconds[frame]:.2f} s**\n" + "\n".join(f"- {line}" for line in _in_frame(clip, frame)))


def _in_frame(clip: Clip, frame: int) -> list[str]:
    """What each hand and face of the frame is, in words."""
    lines = []
    for track in clip.timeline.tracks.values():
        place = track.place(frame)
        if place is not None:
            speed = track.speed[place]
            fingers = f", fingertips {speed:.0f} px/s" if speed == speed else ""  # NaN: unknown
            lines.append(f"{track.title}: confidence {percent(track.score[place])}{fingers}")
    return lines or ["No hand, no face."]


def _charts(clip: Clip) -> None:
    if not clip.timeline.tracks:
        return
    st.altair_chart(presence_chart(clip.timeline))
    st.altair_chart(line_chart(clip.timeline, "score", "Confidence"))
    if any(track.kind == "hand" for track in clip.timeline.tracks.values()):
        st.altair_chart(line_chart(clip.timeline, "speed", "Fingertips, px/s"))
