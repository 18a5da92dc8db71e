"""The benchmark's one table: on the screen, as Markdown and as JSON."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

FORMATS = {"": "{:.3f}", "%": "{:.2f} %", "ms": "{:.1f} ms", "mm": "{:.1f} mm", "s": "{:.2f} s", "MB": "{:.1f} MB", "n": "{:.0f}"}


@dataclass(frozen=True)
class Row:
    """One figure of both sides. section: what it was measured on; unit: a key of FORMATS; lower: whether less is better (None: neither)."""

    section: str
    figure: str
    ours: float
    peer: float
    unit: str = ""
    lower: bool | None = True

    @property
    def ratio(self) -> float:
        """Ours / MediaPipe's."""
        return self.ours / self.peer if self.peer else math.nan

    @property
    def verdict(self) -> str:
        if self.lower is None or not math.isfinite(self.ours) or not math.isfinite(self.peer) or self.ours == self.peer:
            return ""
        return "ahead" if (self.ours < self.peer) == self.lower else "behind"


def _text(value: float, unit: str) -> str:
    return FORMATS[unit].format(value) if math.isfinite(value) else "-"


def markdown(rows: Sequence[Row]) -> str:
    """A table with aligned columns, which reads well unrendered too."""
    cells = [["measured on", "figure", "ours", "MediaPipe", "ratio", ""]]
    section = None
    for row in rows:
        first, section = ("" if row.section == section else row.section), row.section
        cells.append([first, row.figure, _text(row.ours, row.unit), _text(row.peer, row.unit), _text(row.ratio, ""), row.verdict])
    widths = [max(len(line[column]) for line in cells) for column in range(6)]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |" for line in cells]
    rule = "|" + "|".join("-" * (width + 1) + (":" if column in (2, 3, 4) else "-") for column, width in enumerate(widths)) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


def document(rows: Sequence[Row], about: dict) -> dict:
    """For json.dump: figures that do not exist are null."""
    known = lambda value: value if not isinstance(value, float) or math.isfinite(value) else None  # noqa: E731
    return about | {"rows": [{name: known(value) for name, value in (asdict(row) | {"ratio": row.ratio, "verdict": row.verdict}).items()} for row in rows]}
