"""The example pictures for a visitor who has no photo at hand (rendered for this project, see their README)."""

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[3] / "model" / "examples"


@dataclass(frozen=True)
class Example:
    """A picture that comes with the project."""

    file: str
    title: str
    description: str  # for those who can't see the picture

    @property
    def path(self) -> Path:
        """Its file."""
        return FOLDER / self.file


EXAMPLES = [
    Example("wave.webp", "Wave", "A woman in a living room waves with her right hand."),
    Example("peace.webp", "Peace sign", "Two people in a courtyard; one shows the peace sign with her left hand."),
    Example("pointing.webp", "Pointing", "A man before a grey wall points to the side with his right hand."),
    Example("typing.webp", "Typing", "Two hands on the keyboard of a laptop, from above."),
    Example("group.webp", "Group", "Five people in a park, three of them with a hand raised."),
    Example("profile.webp", "Profile", "A woman from the side, one hand held out."),
    Example("thumbs-up.webp", "Thumbs-up", "A man holds a thumb up close to the camera; a hard one."),
]
