"""The five stages on one hand or face: a diagram to walk through, and each stage's real values and formula."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import streamlit as st

from model.constants import CROP
from pages.parts.explore.convolution_explorer import explore_convolution
from pages.parts.explore.example_picker import Selection
from pages.parts.explore.feature_explorer import explore_features
from pages.parts.photos.stage_views import crop_points, photo_points
from pages.parts.shared import images
from pages.parts.shared.data_url import picture_url
from pages.parts.shared.glossary import explain
from pages.parts.shared.head_maps import head_maps, show_all_maps
from pages.parts.style import palette
from pages.parts.style.component_css import component_css

PATCH = 6  # side in pixels of the patch with values that are written out
CARD = 150  # side in pixels of a card's picture
LARGE = 384
TABLE = 540  # height in pixels of the table beside it, as high as the picture in a wide window
# The cards stay in view below the header while a stage is read; stage_cards.js brings the stage's beginning into
# view, which must not move on when what is below it grows (overflow-anchor).
STICKY = """<style>
:has(> .st-key-stage_bar) { position: sticky; top: 3.75rem; z-index: 10; }
.st-key-stage_detail { scroll-margin-top: 13rem; }
[data-testid="stMain"] { overflow-anchor: none; }
</style>"""
MARK = (255, 64, 160)  # RGB of what is marked in a picture

_cards = st.components.v2.component(
    "pointillist_stage_cards",
    html='<ol aria-label="The five stages"></ol>',
    css=component_css(Path(__file__).with_name("stage_cards.css")),
    js=Path(__file__).with_name("stage_cards.js").read_text(encoding="utf-8"),
)


@dataclass(frozen=True)
class Stage:
    """name, its layer's colour, what it does in one sentence, and the function that shows it in detail."""

    name: str
    colour: str
    operation: str
    show: Callable[[Selection], None]


@st.fragment
def show_data_flow(selection: Selection) -> None:
    """The diagram, and below it the stage that was chosen. A fragment: walking leaves the rest of the page alone."""
    chosen = _stage()
    cards = [{"name": stage.name, "colour": stage.colour, "shape": shape, **view} for stage, shape, view in zip(STAGES, _shapes(selection), _views(selection))]
    st.html(STICKY)
    with st.container(key="stage_bar"):
        _cards(key="stage_cards", data={"stages": cards, "chosen": chosen}, on_stage_change=_choose)
    stage = STAGES[chosen]
    with st.container(key="stage_detail"):
        st.header(f"{chosen + 1} {stage.name}", anchor=False)
        st.markdown(f"{stage.operation} **{_in_and_out(selection)[chosen]}**")
        stage.show(selection)
    with st.container(horizontal=True):
        st.button("← Back", disabled=chosen == 0, on_click=_walk, args=(-1,), key="stage_back")
        st.button("Next stage →", disabled=chosen == len(STAGES) - 1, on_click=_walk, args=(1,), key="stage_next", type="primary")
        explain("activation", "channel", "convolution", "crop", "feature map", "fully connected", "heat map", "landmark",
                "normalisation", "regression", "sigma")  # fmt: skip


def _stage() -> int:
    """The stage that the page's address names, counted from 0: ?stage=3 is the third one, any other address the first."""
    named = st.query_params.get("stage", "")
    return int(named) - 1 if named in map(str, range(1, len(STAGES) + 1)) else 0


def _show_stage(stage: int) -> None:
    if stage:
        st.query_params["stage"] = str(stage + 1)
    else:
        st.query_params.pop("stage", None)


def _choose() -> None:
    stage = st.session_state["stage_cards"].get("stage")
    if stage in range(len(STAGES)):
        _show_stage(stage)


def _walk(steps: int) -> None:
    _show_stage(min(max(_stage() + steps, 0), len(STAGES) - 1))


def _shapes(selection: Selection) -> list[str]:
    """What comes out of each stage."""
    vector = selection.instance.tensors.vector
    maps, rows, columns = selection.instance.tensors.features.shape
    return [
        f"{CROP} × {CROP} × 3, 0 to 255",
        f"{CROP} × {CROP} × 3, 0.0 to 1.0",
        f"{rows} × {columns} × {maps}",
        f"{vector.size} = {vector.size // 3} × (x, y, z)",
        f"{vector.size // 3} points in the photo",
    ]


def _in_and_out(selection: Selection) -> list[str]:
    """Shapes in words: what goes into each stage and what comes out."""
    width, height = selection.size
    shapes = [f"photo {width} × {height} × 3", *_shapes(selection)]
    return [f"In: {before}. Out: {after}." for before, after in zip(shapes, shapes[1:])]


def _views(selection: Selection) -> list[dict[str, str]]:
    """What each card shows: a small picture or a few numbers."""
    trace = selection.instance.tensors
    dark, middle, bright = np.percentile(trace.crop[..., 1], (10, 50, 90), method="nearest").tolist()
    x, y, z = trace.vector[:3]
    strongest = trace.features[images.strongest(trace.features)]
    return [
        {"picture": picture_url(_small(trace.crop))},
        {"text": "\n".join(f"{value:3d} → {value / 255:.3f}" for value in (dark, middle, bright))},
        {"picture": picture_url(images.heat(strongest, CARD))},
        {"text": f"x = {x:.3f}\ny = {y:.3f}\nz = {z:.3f}\n⋮"},
        {"picture": picture_url(_small(_with_points(trace.crop, crop_points(selection.instance))))},
    ]


def _small(picture: np.ndarray) -> np.ndarray:
    return cv2.resize(picture, (CARD, CARD), interpolation=cv2.INTER_AREA)


def _with_points(crop: np.ndarray, points: np.ndarray, marked: int | None = None) -> np.ndarray:
    """The crop, twice as large, with all points; one of them marked."""
    picture = cv2.resize(crop, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)
    centres = np.round((points[:, :2] + 0.5) * 2 - 0.5).astype(int).tolist()
    for centre in centres:
        cv2.circle(picture, centre, 9 if len(centres) < 100 else 3, (255, 255, 255), -1, cv2.LINE_AA)
        cv2.circle(picture, centre, 7 if len(centres) < 100 else 2, MARK, -1, cv2.LINE_AA)
    if marked is not None:
        _mark(picture, centres[marked], 18)
    return picture


def _mark(picture: np.ndarray, centre: list[int], radius: int) -> None:
    cv2.circle(picture, centre, radius, (255, 255, 255), 6, cv2.LINE_AA)
    cv2.circle(picture, centre, radius, MARK, 3, cv2.LINE_AA)


def _input(selection: Selection) -> None:
    roi = selection.instance.tensors.roi
    left, right = st.columns([3, 2])
    photo = selection.picture
    width = max(2, round(max(photo.shape) / 250))
    cv2.polylines(photo, [np.round(selection.on_picture(roi.corners())).astype(np.int32)], True, MARK, width, cv2.LINE_AA)
    left.image(photo, alt="The photo; a square marks what is cut out.", caption="The photo and the square", width="stretch")
    right.image(selection.instance.tensors.crop, alt=f"The {selection.kind}, cut out upright.", caption="The crop", width="stretch")
    st.markdown(
        f"The square is {roi.side:.0f} pixels wide, its centre is ({roi.cx:.0f}, {roi.cy:.0f}) and it is turned by "
        f"θ\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}{_signed(np.degrees(roi.angle))}°. The same transform, backwards, brings the points back in stage 5."
    )
    st.latex(
        r"\begin{gathered} p_{\text{photo}} = s\, R(\theta)\, (p_{\text{crop}} - m) + c \\[4pt] "
        r"s = \tfrac{%.1f}{%d},\; \theta = %.0f^\circ,\; m = %.1f \\[4pt] c = (%.1f,\, %.1f) \end{gathered}"
        % (roi.side, CROP, np.degrees(roi.angle), (CROP - 1) / 2, roi.cx, roi.cy)
    )


def _signed(value: float) -> str:
    """A whole number with a minus sign that no line breaks after."""
    return f"{value:.0f}".replace("-", "−")


def _preprocessing(selection: Selection) -> None:
    crop = selection.instance.tensors.crop
    left, right = st.columns(2, gap="medium")
    counts = [np.histogram(crop[..., channel] / 255, 32, (0, 1))[0] for channel in range(3)]
    histogram = pd.DataFrame(dict(zip(("red", "green", "blue"), counts)), index=pd.Index(np.arange(32) / 32, name="value"))
    left.markdown("How often each value occurs, for red, green and blue:")
    left.line_chart(histogram, x_label="value", y_label="pixels", color=["#D1495B", "#2A9D6F", "#3D7EDB"], height=260)
    start = (CROP - PATCH) // 2
    patch = crop[start : start + PATCH, start : start + PATCH, 1]
    right.markdown(f"The green values of {PATCH} × {PATCH} pixels in the middle of the crop, before:")
    right.table(pd.DataFrame(patch), hide_index=True, hide_header=True)
    right.markdown("and after:")
    right.table(pd.DataFrame(patch / 255).map("{:.3f}".format), hide_index=True, hide_header=True)
    st.latex(r"v' = \frac{v}{255}, \qquad \frac{%d}{255} = %.3f" % (patch[0, 0], patch[0, 0] / 255))


def _features(selection: Selection) -> None:
    st.markdown(
        "Each map answers to a pattern that training found useful. Bright is where its answer is strong. Hover, tap or "
        "use the arrow keys; the sentence tells where on this picture the map's values stand out."
    )
    explore_features(selection)
    st.markdown("### Inside a convolution")
    st.markdown(
        "All these maps begin with one convolution of the crop itself. Its kernels are 6 × 6 pixels of three colours and move 4 pixels at "
        "a time. Choose one of its 16 maps and a cell: the window's values times the kernel's weights, added up, are the cell's value. "
        "These are the network's own weights; when it runs, they are rounded to int8."
    )
    explore_convolution(selection)
    st.latex(
        r"\begin{gathered} \text{map}_k(x, y) = \max(0,\; b_k + s_k) \\[2pt] "
        r"s_k = \textstyle\sum_{c,i,j} w_{k,c,i,j}\; \text{in}_c(x+i,\, y+j) \end{gathered}"
    )


def _pick(selection: Selection) -> int:
    """The point to follow through the last two stages."""
    names = [f"{number} {name}" for number, name in enumerate(selection.point_names)]
    first = 8 if selection.kind == "hand" else 4  # index finger tip, nose tip
    key = f"point_{selection.key}"
    st.session_state.setdefault(key, names[first])
    return names.index(st.selectbox("Point", names, key=key, persist_state="session", width=320))


# h: what the fully connected layers make of the guesses, the features there and the crop's summary.
HAND_FORMULA = r"""\begin{gathered} (x, y)_k = \textstyle\sum_{i,j} \text{heat}_k(i,j)\,(i, j) + W_k\, h + b_k \\[2pt]
    z_k = w_k h + c_k - (w_0 h + c_0)"""
FACE_FORMULA = r"""\begin{gathered} \text{mean}_a = \textstyle\sum_{i,j} \text{heat}_a(i,j)\,(i, j), \quad a = 1 \dots 78 \\[2pt]
    (x, y)_k = \textstyle\sum_a \text{spread}_{k,a}\, \text{mean}_a + W_k\, h + b_k, \qquad z_k = w_k h + c_k"""


def _regression(selection: Selection) -> None:
    trace = selection.instance.tensors
    values = trace.vector.reshape(-1, 3)
    point = _pick(selection)
    x, y, z = values[point]
    st.markdown(
        f"**{selection.point_names[point].capitalize()}: x = {x:.3f}, y = {y:.3f}, z = {z:.3f}**, the numbers "
        f"{3 * point}, {3 * point + 1} and {3 * point + 2} of {trace.vector.size}. The network expects to be off by "
        f"{selection.instance.sigma[point] / trace.roi.side:.3f} (sigma), and is {trace.presence:.0%} sure that this is a "
        f"{selection.kind} (presence). Presence is read from the smallest maps, 4 × 4: where it is too low, the network stops there."
    )
    heads = head_maps(selection.instance)
    gx, gy = heads.guess(point)
    left, right = st.columns([2, 3], gap="medium")
    over = images.overlay(trace.crop, heads.of(point), LARGE)
    if selection.kind == "hand":
        left.image(over, alt="The point's heat map laid over the crop.", caption="Heat map of this point", width="stretch")
        begun = "its heat map's mean"
    else:
        caption = "Mixture of the 78 heat maps for this point"
        left.image(over, alt="The point's mixture of heat maps laid over the crop.", caption=caption, width="stretch")
        most = ", ".join(f"{name} ({weight:+.2f})" for name, weight in heads.strongest(point))
        begun = f"the weighted mean of 78 heat maps' means (most: {most})"
    frame = pd.DataFrame(values, columns=["x", "y", "z"])
    frame.insert(0, "point", selection.point_names)
    right.dataframe(frame, column_config={c: st.column_config.NumberColumn(format="%.4f") for c in "xyz"}, height=TABLE)
    st.markdown(
        f"The first guess is {begun}: x = {gx:.3f}, y = {gy:.3f}. Fully connected layers see all first guesses, the features there and a "
        f"summary of the whole crop; they move the point by ({x - gx:+.3f}, {y - gy:+.3f}) and add z."
    )
    if selection.kind == "face":
        with st.expander("The 78 heat maps", key=f"maps_{selection.key}"):
            show_all_maps(heads)
    st.latex(
        (HAND_FORMULA if selection.kind == "hand" else FACE_FORMULA)
        + r" \\[4pt] %d \text{ points} \times 3 = %d \text{ numbers} \end{gathered}" % (len(values), trace.vector.size)
    )


def _postprocessing(selection: Selection) -> None:
    trace = selection.instance.tensors
    point = _pick(selection)
    x, y, z = trace.vector.reshape(-1, 3)[point]
    crop, photo = crop_points(selection.instance), photo_points(selection.instance)
    (cx, cy, cz), (px, py, pz) = crop[point], photo[point]
    st.markdown(
        f"In this photo, **{selection.point_names[point]}**: (x = {x:.3f}, y = {y:.3f}, z = {z:.3f}) → crop pixel "
        f"**({cx:.0f}, {cy:.0f}), depth {cz:.0f}** → photo pixel **({px:.0f}, {py:.0f}), depth {pz:.0f}**."
    )
    st.markdown(
        f"A textbook's example, in whole pixels: (0.45, 0.32, 0.05) × {CROP} → pixel **({0.45 * CROP:.0f}, {0.32 * CROP:.0f}, depth {0.05 * CROP:.0f})**."
    )
    left, right = st.columns([2, 3])
    left.image(_with_points(trace.crop, crop, point), alt="The crop, the point marked.", caption="In the crop", width="stretch")
    picture = selection.picture
    _mark(picture, np.round(selection.on_picture(photo[point, :2])).astype(int).tolist(), max(4, round(max(picture.shape) / 80)))
    right.image(picture, alt="The photo, the point marked.", caption="In the photo", width="stretch")
    st.latex(
        r"\begin{aligned} x_{\text{crop}} &= %d \cdot %.3f - 0.5 = %.1f \\ y_{\text{crop}} &= %d \cdot %.3f - 0.5 = %.1f \\ "
        r"\text{depth} &= %d \cdot %.3f = %.1f \end{aligned}" % (CROP, x, cx, CROP, y, cy, CROP, z, cz)
    )
    st.caption("Half a pixel is taken off because pixel 0 reaches from 0 to 1 and its centre counts. "
               "Then stage 1's transform, backwards, leads to the photo.")  # fmt: skip


STAGES = (
    Stage("Input image", palette.IMAGE, "One hand or face is cut out of the photo as an upright square.", _input),
    Stage("Preprocessing", palette.PREPROCESSING, "Every colour value is divided by 255.", _preprocessing),
    Stage(
        "Feature extraction",
        palette.CONVOLUTION,
        "Convolutions respond to patterns: edges and textures first, then folds, joints and tips.",
        _features,
    ),
    Stage(
        "Landmark regression head",
        palette.CONNECTED,
        "Heat maps give a first guess, and fully connected layers refine it with the features there: coordinates, as fractions of the crop's side.",
        _regression,
    ),
    Stage("Postprocessing", palette.GEOMETRY, "The fractions become pixels of the crop, then of the photo.", _postprocessing),
)
