"""A file that a visitor has brought: its name, which is the visitor's and so may hold anything, and its content."""

import hashlib
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

MOST_STEM = 200  # bytes of a download's name without its ending; file systems take 255 with it


@dataclass
class Upload:
    """One file as it came in."""

    name: str  # as its owner wrote it: show it as plain text only
    content: bytes
    label: str = field(init=False)  # the whole name, for exports; a photo list numbers what it has already
    digest: str = field(init=False)  # of the content: the same picture is analysed once
    key: str = field(init=False)  # of name and content: names the file's widgets

    def __post_init__(self) -> None:
        # No system has these in a name: folders, NUL, halves of characters.
        self.label = self.name.rsplit("/", 1)[-1].replace("\0", "").encode("utf-8", "replace").decode() or "photo"
        self.digest = hashlib.sha256(self.content).hexdigest()
        self.key = hashlib.sha256(self.name.encode("utf-8", "replace") + b"\0" + self.content).hexdigest()[:16]

    @property
    def shown_name(self) -> str:
        """The label without its folder and control characters, shortened in the middle; still not safe as markup."""
        name = self._plain_name
        return name if len(name) <= 60 else f"{name[:38]}…{name[-20:]}"

    @property
    def _plain_name(self) -> str:
        name = self.label.replace("\\", "/").rsplit("/", 1)[-1]
        # C*: control and formatting characters, among them those that turn the writing direction
        return "".join(c for c in name if not unicodedata.category(c).startswith("C")).strip() or "photo"

    @property
    def stem(self) -> str:
        """A file name without extension for downloads: letters, digits, '-' and '_' only."""
        stem = "".join(c if c.isalnum() or c in "-_" else "_" for c in Path(self._plain_name).stem).strip("_")
        return stem.encode()[:MOST_STEM].decode(errors="ignore") or "photo"
