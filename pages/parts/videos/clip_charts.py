"""A video's tracks over time: when each is there, how surely, and how fast a hand's fingertips are."""

import altair as alt
import numpy as np
import pandas as pd

from model.video.timeline import Timeline, Track
from pages.parts.style.palette import KIND_COLOURS

AXES = 130  # pixels that title, axis and legend take of a chart's height
MOST_POINTS = 400  # of a line: more are not seen
# After Okabe and Ito, as the rest of the pages.
_COLOURS = ["#E69F00", "#56B4E9", "#009E73", "#CC79A7", "#D55E00", "#0072B2", "#B8A04A", "#8A97A0"]


def presence_chart(timeline: Timeline) -> alt.Chart:
    """A row for each track, a bar while it is there."""
    rows = [
        {"track": track.title, "kind": track.kind, "seconds": begin, "until": end}
        for track in timeline.tracks.values()
        for begin, end in spans(track, timeline)
    ]
    return (
        alt.Chart(pd.DataFrame(rows), height=26 * len(timeline.tracks) + AXES, title="Who is there")
        .mark_bar(height=14, cornerRadius=3)
        .encode(
            x=alt.X("seconds:Q", title="seconds", scale=alt.Scale(domain=[0, _end(timeline)])),
            x2="until:Q",
            y=alt.Y("track:N", title=None, sort=None),
            color=alt.Color("kind:N", legend=None, scale=alt.Scale(domain=list(KIND_COLOURS), range=list(KIND_COLOURS.values()))),
            tooltip=["track", alt.Tooltip("seconds:Q", title="from", format=".2f"), alt.Tooltip("until:Q", format=".2f")],
        )
    )


def line_chart(timeline: Timeline, what: str, title: str) -> alt.Chart:
    """`what`, a field of Track, over time, a line for each track; where it is not there the line is broken."""
    tracks = [track for track in timeline.tracks.values() if what != "speed" or track.kind == "hand"]
    frame = pd.concat([line(track, what) for track in tracks])
    scale = alt.Scale(domain=[0, 1]) if what == "score" else alt.Scale()
    return (
        alt.Chart(frame, height=190 + AXES, title=title)
        .mark_line(interpolate="linear", strokeWidth=2)
        .encode(
            x=alt.X("seconds:Q", title="seconds", scale=alt.Scale(domain=[0, _end(timeline)])),
            y=alt.Y("value:Q", title=None, scale=scale, axis=alt.Axis(format=".0%", tickCount=5) if what == "score" else alt.Axis()),
            color=alt.Color("track:N", title=None, sort=None, scale=alt.Scale(range=_COLOURS), legend=alt.Legend(orient="bottom", columns=3)),
            tooltip=["track", alt.Tooltip("seconds:Q", format=".2f"), alt.Tooltip("value:Q", title=title, format=".2f")],
        )
    )


def spans(track: Track, timeline: Timeline) -> list[tuple[float, float]]:
    """Seconds (from, until) of each stretch of frames that follow each other; a frame lasts until the next one."""
    frames = np.asarray(track.frames)
    first = np.flatnonzero(np.diff(frames, prepend=-2) != 1)
    last = np.append(first[1:], len(frames)) - 1
    seconds = np.append(np.asarray(timeline.seconds), _end(timeline))
    return [(float(seconds[frames[a]]), float(seconds[frames[b] + 1])) for a, b in zip(first, last)]


def line(track: Track, what: str) -> pd.DataFrame:
    """Columns track, seconds, value: at most MOST_POINTS rows, the largest value of each group of frames; an empty value where the track is
    not there."""
    values, frames = np.asarray(getattr(track, what), float), np.asarray(track.frames)
    step = -(-len(values) // MOST_POINTS)
    rows = []
    for start in range(0, len(values), step):
        if start and frames[start] - frames[start - 1] > 1:
            rows.append((track.seconds[start - 1] + 1e-3, np.nan))
        group = values[start : start + step]
        rows.append((track.seconds[start], np.nan if np.isnan(group).all() else float(np.nanmax(group))))
    return pd.DataFrame({"track": track.title, "seconds": [seconds for seconds, _ in rows], "value": [value for _, value in rows]})


def _end(timeline: Timeline) -> float:
    """When the last frame is over, taking it to last as long as the frames do on average."""
    last = timeline.seconds[-1]
    return last + last / max(len(timeline.seconds) - 1, 1) if last else 0.1
