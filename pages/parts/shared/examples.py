"""The example pictures for a visitor who has no photo at hand (rendered for this project, see their README)."""

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[3] / "model" / "examples"


@dataclass(frozen=True)
class Example:
    file: str
    title: str
    description: str  # for those who can't see the picture

    @property
    def path(self) -> Path:
        return FOLDER / self.file


EXAMPLES = [
    Example("greeting.webp", "Two hands and a face", "A rendered person in a room, a hand raised on either side."),
    Example("group.webp", "Two people in a park", "Two rendered faces in a park and a hand between them."),
    Example("hands.webp", "Two hands", "Two rendered hands before coloured lights, one of them shows a victory sign."),
]
