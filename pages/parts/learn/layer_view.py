"""The network's real layers, read from its ONNX file, in the four steps of a prediction."""

from pathlib import Path

import altair as alt
import pandas as pd
import streamlit as st

from export.graph import layers
from export.graph.layers import REARRANGING, Layer
from model.constants import CROP
from model.inference.network_file import WEIGHTS
from pages.parts.explore.example_picker import Selection
from pages.parts.learn import layer_times
from pages.parts.photos.stage_views import crop_points, photo_points
from pages.parts.shared.glossary import explain
from pages.parts.style.palette import FAMILY_COLOURS

STEPS = ("Input image", "Convolutional feature extraction", "Landmark regression", "Postprocessing")


@st.cache_data(show_spinner=False, max_entries=2)
def _layers(weights: Path, changed: float) -> dict[str, tuple[Layer, ...]]:
    return layers.read(weights)


@st.cache_data(show_spinner="Timing every layer on this machine …", max_entries=2)
def _times(weights: Path, changed: float) -> dict[str, float]:
    return layer_times.measure(weights)


@st.fragment
def show_prediction_trace(kind: str, selection: Selection | None) -> None:
    """kind: of the head that is shown. selection: the instance with the numbers that postprocessing shows, if there is one."""
    file = WEIGHTS, WEIGHTS.stat().st_mtime
    stages = _layers(*file)
    st.markdown(
        f"A prediction for a {kind}, layer by layer, read from the network's file. A textbook counts four layers; each of ours holds many "
        "operations. Times are measured on this machine (one thread, median; convolutions compute in int8). For every photo the same "
        "layers run once per hand or face."
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        every = st.toggle("Every operation", key="every_operation", help="Also those that only rearrange numbers")
        explain("activation", "channel", "convolution", "fully connected", "kernel", "MAC", "parameter", "stride")
    try:
        times = _times(*file)
    except RuntimeError as error:
        st.warning(str(error))
        times = {}
    parts = [stages[layers.PREPROCESSING], stages[f"{kind}_features"], stages[kind]]
    st.dataframe(_overview(parts, kind, times), hide_index=True, column_config=_columns(), placeholder="–")
    _legend()
    for place, own in enumerate(parts):
        with st.expander(f"{_named(place)}: {len(own)} operations", expanded=place == 1, key=f"step_{place}"):
            st.markdown(_ABOUT[place].format(kind=kind, guess=_GUESS[kind], crop=CROP, **_sizes(own)))
            shown = [layer for layer in own if every or layer.family != REARRANGING]
            _chart(shown, times)
            _table(shown, times)
    with st.expander(_named(3), key="step_3"):
        _postprocessing(selection)


_ABOUT = (
    "The crop of {crop} × {crop} pixels comes in as whole numbers 0 to 255. The first operations bring the colours to "
    "the front, make decimal numbers of them and divide by 255.",
    "Each convolution computes its values from small windows of the layer before. Maps shrink to {least} while channels grow, so "
    "that a layer sees more of the picture; then they are merged upwards to {end}.",
    "The {kind}'s head: {guess}. Fully connected layers see the features there and the "
    "whole crop's summary; they refine the points and add depth, sigma and whether there is a {kind} at all.",
)
_GUESS = {
    "hand": "a heat map for each point gives a first guess of where it is",
    "face": "78 heat maps say where 68 points and the irises are, and each of the 478 points begins as a weighted mean of these",
}


def _overview(parts: list[tuple[Layer, ...]], kind: str, times: dict[str, float]) -> pd.DataFrame:
    rows = [
        {
            "step": _named(place),
            "operations": len(own),
            "output": _shape(_result(own, kind).shape),
            "parameters": sum(layer.parameters for layer in own),
            "MMAC": sum(layer.macs for layer in own) / 1e6,
            "ms": _sum(own, times),
        }
        for place, own in enumerate(parts)
    ]
    points = parts[-1] and _result(parts[-1], kind).shape[0] // 3
    rows.append({"step": _named(3), "operations": 0, "output": f"{points} points", "parameters": 0, "MMAC": 0.0, "ms": None})
    return pd.DataFrame(rows)


def _named(place: int) -> str:
    return f"Layer {place + 1}: {STEPS[place]}"


def _result(own: tuple[Layer, ...], kind: str) -> Layer:
    """The layer that a step is there for: a head's last layer gives the coordinates of its `kind`, another step's is its end."""
    return next((layer for layer in own if layer.tensors[-1] == kind), own[-1])


def _sizes(own: tuple[Layer, ...]) -> dict[str, str]:
    """The smallest map on the way, and the last one."""
    maps = [layer.shape[1:] for layer in own if len(layer.shape) == 3]
    return {"least": _shape(min(maps, default=())), "end": _shape(maps[-1] if maps else ())}


def _sum(own, times: dict[str, float]) -> float | None:
    measured = [time for layer in own if (time := layer_times.time_of(layer, times)) is not None]
    return sum(measured) if measured else None


def _frame(shown: list[Layer], times: dict[str, float]) -> pd.DataFrame:
    rows = [
        {
            "name": layer.name,
            "kind": layer.kind,
            "family": layer.family,
            "kernel": layer.kernel,
            "output": _shape(layer.shape),
            "parameters": layer.parameters,
            "MMAC": layer.macs / 1e6,
            "ms": layer_times.time_of(layer, times),
        }
        for layer in shown
    ]
    return pd.DataFrame(rows)


def _shape(shape: tuple[int, ...]) -> str:
    return " × ".join(str(side) for side in shape)


def _columns() -> dict:
    number = st.column_config.NumberColumn
    return {
        "parameters": number(format="localized"),
        "MMAC": number("million MACs", format="%.2f"),
        "ms": number("Time (ms)", format="%.3f"),
    }


def _table(shown: list[Layer], times: dict[str, float]) -> None:
    frame = _frame(shown, times)
    coloured = frame.style.map(lambda family: f"color: {FAMILY_COLOURS[family]}; font-weight: 600", subset=["family"])
    st.dataframe(coloured, hide_index=True, column_config=_columns(), placeholder="–")
    if times and frame["ms"].isna().any():
        st.caption("A layer without a time is fused with the next layer or the one before: onnxruntime computes both at once.")


def _chart(shown: list[Layer], times: dict[str, float]) -> None:
    """A bar per layer: its time, or its MACs where it was not timed."""
    frame = _frame(shown, times)
    if not len(frame):
        return
    measure, title = ("ms", "Time (ms)") if times else ("MMAC", "million MACs")
    frame["layer"] = [f"{place + 1} {name}" for place, name in enumerate(frame["name"])]
    scale = alt.Scale(domain=list(FAMILY_COLOURS), range=list(FAMILY_COLOURS.values()))
    chart = (
        alt.Chart(frame, height=200)
        .mark_bar()
        .encode(
            x=alt.X("layer:N", sort=None, axis=alt.Axis(labels=False, ticks=False), title="layers, in their order"),
            y=alt.Y(f"{measure}:Q", title=title),
            color=alt.Color("family:N", scale=scale, legend=None),
            tooltip=["name", "kind", "kernel", "output", "parameters", "MMAC", "ms"],
        )
    )
    st.altair_chart(chart, alt=f"{title} of each layer; the table below holds the same figures.")


def _legend() -> None:
    dot = "display:inline-block;width:.8em;height:.8em;border-radius:3px;margin-right:.4em"
    swatches = "".join(
        f'<span style="white-space:nowrap;margin-right:1rem"><span aria-hidden="true" style="{dot};background:{colour}"></span>{family}</span> '
        for family, colour in FAMILY_COLOURS.items()
    )
    st.html(f'<div style="font-size:.875rem;line-height:1.9">{swatches}</div>')


def _postprocessing(selection: Selection | None) -> None:
    st.markdown(
        "No layer any more: a formula. Fractions are multiplied by the crop's side, and the inverse of the transform that "
        "cut the crop out takes the points to the photo."
    )
    if selection is None:
        return
    roi = selection.instance.tensors.roi
    a, b, c, d, e, f, *_ = roi.to_photo().ravel()
    st.latex(
        r"\begin{pmatrix} x \\ y \end{pmatrix}_{\text{photo}} = \begin{pmatrix} %.3f & %.3f & %.1f \\ %.3f & %.3f & %.1f "
        r"\end{pmatrix} \begin{pmatrix} x \\ y \\ 1 \end{pmatrix}_{\text{crop}}, \qquad z_{\text{photo}} = %.3f\, z_{\text{crop}}"
        % (a, b, c, d, e, f, roi.side / CROP)
    )
    crop, photo = crop_points(selection.instance), photo_points(selection.instance)
    frame = pd.DataFrame(
        {
            "point": selection.point_names,
            "x": selection.instance.tensors.vector[0::3],
            "y": selection.instance.tensors.vector[1::3],
            "crop x": crop[:, 0],
            "crop y": crop[:, 1],
            "photo x": photo[:, 0],
            "photo y": photo[:, 1],
        }
    )
    form = {"x": "%.4f", "y": "%.4f"} | dict.fromkeys(frame.columns[3:], "%.1f")
    st.dataframe(frame, column_config={name: st.column_config.NumberColumn(format=f) for name, f in form.items()})
