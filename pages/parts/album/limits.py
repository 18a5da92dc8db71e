"""Which detections of a result are shown."""

from dataclasses import dataclass

from model import Result
from model.runtime.confidence import MIN_CONFIDENCE


@dataclass(frozen=True)
class Limits:
    """The lowest confidence and the largest number of hands and of faces; None: all of them."""

    hand: float = MIN_CONFIDENCE["hand"]
    face: float = MIN_CONFIDENCE["face"]
    most_hands: int | None = None
    most_faces: int | None = None

    @property
    def min_confidence(self) -> dict[str, float]:
        """The minimum confidence by kind."""
        return {"hand": self.hand, "face": self.face}

    def applied(self, result: Result) -> Result:
        """What is shown of the result; nothing is computed anew."""
        return result.filtered(self.min_confidence, {"hand": self.most_hands, "face": self.most_faces})
