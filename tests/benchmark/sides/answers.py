"""What both sides answer for the same photos, one after the other."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tqdm import tqdm

from tests.benchmark.sides.pipe import Arrays
from tests.benchmark.sides.workers import Worker
from tests.benchmark.truth.photos import Photo

SIDES = ("ours", "peer")


@dataclass(frozen=True)
class Answers:
    """A photo, the larger side of its picture in pixels, and what either side detected in it (workers.Worker.ask)."""

    photo: Photo
    size: int
    ours: Arrays
    peer: Arrays

    def by(self, side: str) -> Arrays:
        return getattr(self, side)


def ask(photos: Iterable[Photo], ours: Worker, peer: Worker, parts: str, what: str, sides: Sequence[str] = SIDES) -> list[Answers]:
    """`sides`: which are asked; the other one's answer stays empty."""
    answers = []
    for photo in tqdm(list(photos), desc=what, mininterval=5):
        picture = photo.open()
        answers.append(
            Answers(
                photo,
                max(picture.shape[:2]),
                ours.ask(picture) if "ours" in sides else {},
                peer.ask(picture, parts) if "peer" in sides else {},
            )
        )
    return answers
