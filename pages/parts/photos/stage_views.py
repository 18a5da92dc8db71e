"""The prediction trace: the real tensors on the way from a photo to the points of one hand or face in it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import streamlit as st

from model import Face, Hand, Result
from model.constants import CROP
from model.output.draw import Layers, draw
from model.runtime.geometry import transform
from model.runtime.topology import POINT_NAMES
from pages.parts.album.analyse import traced
from pages.parts.album.photo_list import Photo
from pages.parts.photos.landmark_table import choose
from pages.parts.shared import images
from pages.parts.shared.head_maps import head_maps, show_all_maps

PATCH = 6  # side in pixels of the patch with values that are written out
LARGE = 384  # side in pixels of an enlarged picture


def show_trace(photo: Photo) -> None:
    """The five stages for one hand or face of the photo, chosen by the visitor."""
    name, instance = choose(traced(photo), f"inside_of_{photo.key}")
    stages = {
        "1 Crop": _crop,
        "2 Values": _values,
        "3 Features": _features,
        "4 Coordinates": _coordinates,
        "5 Photo": _photo,
    }
    for tab, show in zip(st.tabs(list(stages)), stages.values()):
        with tab:
            show(instance, f"{photo.key}_{name}")


def crop_points(instance: Hand | Face) -> np.ndarray:
    """The network's answer (K, 3) in crop pixels: x, y (an integer is a pixel's centre) and depth."""
    return instance.tensors.vector.reshape(-1, 3) * CROP - (0.5, 0.5, 0)


def photo_points(instance: Hand | Face) -> np.ndarray:
    """The same points (K, 3) in pixels of the photo, by the inverse of the transform that cut the crop out."""
    points, roi = crop_points(instance), instance.tensors.roi
    return np.column_stack([transform(roi.to_photo(), points[:, :2]), points[:, 2] * roi.side / CROP])


def _crop(instance: Hand | Face, key: str) -> None:
    roi = instance.tensors.roi
    st.markdown(
        f"The {instance.kind} is cut out of the photo as an upright square of **{CROP} × {CROP}** pixels. In the "
        f"photo the square is {roi.side:.0f} pixels wide, lies around ({roi.cx:.0f}, {roi.cy:.0f}) and is turned by "
        f"{np.degrees(roi.angle):.0f}°. What is outside the photo is black."
    )
    st.image(instance.tensors.crop, alt=f"The {instance.kind}, cut out upright.", width=LARGE)


def _values(instance: Hand | Face, key: str) -> None:
    crop = instance.tensors.crop
    st.markdown("Every colour value from 0 to 255 is divided by 255; the network sees numbers from **0.0 to 1.0**.")
    counts, edges = zip(*(np.histogram(crop[..., channel] / 255, 32, (0, 1)) for channel in range(3)))
    histogram = pd.DataFrame(dict(zip(("red", "green", "blue"), counts)), index=pd.Index(edges[0][:-1], name="value"))
    st.line_chart(histogram, x_label="value", y_label="pixels", color=["#D1495B", "#2A9D6F", "#3D7EDB"], height=240)
    start = (CROP - PATCH) // 2
    patch = crop[start : start + PATCH, start : start + PATCH, 1]
    st.caption(f"The green values of the {PATCH} × {PATCH} pixels in the middle of the crop, before and after:")
    for column, values in zip(st.columns(2), (patch, np.round(patch / 255, 3))):
        column.dataframe(pd.DataFrame(values), hide_index=True)


def _features(instance: Hand | Face, key: str) -> None:
    features = instance.tensors.features
    st.markdown(
        f"Convolutions turn the crop into **{len(features)} maps of {features.shape[1]} × {features.shape[2]}** "
        "numbers. Each map answers to a pattern of its own: edges, folds, tips. Bright is where its answer is strong."
    )
    first = images.strongest(features)
    last = len(features) - 1
    chosen = st.slider("Map to enlarge (at first the one that varies most)", 0, last, first, key=f"map_{key}")
    _enlarged(instance, features[chosen], f"feature map {chosen}")
    st.image(
        images.grid(features, columns=8, tile=128),
        alt=f"All {len(features)} feature maps as a grid of small pictures, numbered row by row.",
        caption="All maps, each scaled to its own range. The button in the picture's corner enlarges it.",
        width="stretch",
    )


def _enlarged(instance: Hand | Face, plane: np.ndarray, what: str) -> None:
    over, alone = st.columns(2)
    on_crop = images.overlay(instance.tensors.crop, plane, LARGE)
    over.image(on_crop, alt=f"The crop with {what} laid over it.", caption="over the crop", width="stretch")
    span = f"{what}, values {plane.min():.3g} to {plane.max():.3g}"
    alone.image(images.heat(plane, LARGE), alt=f"{what}, enlarged.", caption=span, width="stretch")


def _coordinates(instance: Hand | Face, key: str) -> None:
    trace, kind = instance.tensors, instance.kind
    values = trace.vector.reshape(-1, 3)
    st.markdown(
        f"The {kind}'s head turns the features into **{trace.vector.size} numbers: {len(values)} points × "
        f"(x, y, z)**, as fractions of the crop's side. It is {trace.presence:.0%} sure that the crop holds a {kind}."
    )
    heads = head_maps(instance)
    numbered = [f"{number} {name}" for number, name in enumerate(heads.names)]
    first = numbered[8] if kind == "hand" else numbered[30]  # the index finger's tip, the nose's tip
    shown = numbered.index(st.selectbox("Heat map of", numbered, numbered.index(first), key=f"heat_{key}"))
    _enlarged(instance, heads.maps[shown], f"heat map {numbered[shown]}")
    if kind == "face":
        st.markdown("Each of the 478 points begins as a weighted mean of the places that these 78 maps show.")
    show_all_maps(heads)
    frame = pd.DataFrame(values, columns=["x", "y", "z"])
    frame.insert(0, "point", POINT_NAMES[kind])
    st.dataframe(frame, column_config={c: st.column_config.NumberColumn(format="%.4f") for c in "xyz"})


def _photo(instance: Hand | Face, key: str) -> None:
    kind = instance.kind
    crop, photo = crop_points(instance), photo_points(instance)
    x, y, z = instance.tensors.vector[:3]
    st.markdown(
        "Each fraction becomes a pixel of the crop, and the inverse of the cut takes it back to the photo. "
        f"Point 0, {POINT_NAMES[kind][0]}: x = {x:.3f}, y = {y:.3f}, z = {z:.3f} → "
        f"pixel ({crop[0, 0]:.1f}, {crop[0, 1]:.1f}) of the crop → "
        f"pixel **({photo[0, 0]:.1f}, {photo[0, 1]:.1f})** of the photo, depth {photo[0, 2]:.1f} pixels."
    )
    if isinstance(instance, Hand) and instance.crops > 1:
        st.markdown(
            "This hand was uncertain, so the network also ran on further crops around its landmarks, the first of them mirrored. "
            f"The result is the mean of {instance.crops} crops, each landmark weighted by its expected error; shown here is the first crop."
        )
    st.image(
        draw(instance.tensors.crop, _in_crop(instance, crop), Layers(labels=False)),
        alt="The crop with the points that the network found.",
        width=LARGE,
    )
    frame = pd.DataFrame(np.hstack([crop[:, :2], photo]), columns=["crop x", "crop y", "photo x", "photo y", "depth"])
    frame.insert(0, "point", POINT_NAMES[kind])
    st.dataframe(frame, column_config={c: st.column_config.NumberColumn(format="%.1f") for c in frame.columns[1:]})


def _in_crop(instance: Hand | Face, points: np.ndarray) -> Result:
    """A result that holds only this hand or face, in pixels of its crop."""
    moved = replace(instance, landmarks=points.astype(np.float32), sigma=instance.sigma * (CROP / instance.tensors.roi.side))
    hands: tuple[Hand, ...] = (moved,) if isinstance(moved, Hand) else ()
    faces: tuple[Face, ...] = (moved,) if isinstance(moved, Face) else ()
    return Result(CROP, CROP, hands, faces, {})
