"""Both sides look at the same photos, one after the other."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tqdm import tqdm

from tests.benchmark.sides.pipe import Arrays
from tests.benchmark.sides.workers import Worker
from tests.benchmark.truth.photos import Photo

SIDES = ("ours", "peer")


@dataclass(frozen=True)
class Look:
    """A photo, the larger side of its picture in pixels, and what either side found there (workers.Worker.look)."""

    photo: Photo
    size: int
    ours: Arrays
    peer: Arrays

    def by(self, side: str) -> Arrays:
        return getattr(self, side)


def look(photos: Iterable[Photo], ours: Worker, peer: Worker, parts: str, what: str, sides: Sequence[str] = SIDES) -> list[Look]:
    """`sides`: who looks; the other one's answer stays empty."""
    looks = []
    for photo in tqdm(list(photos), desc=what, mininterval=5):
        picture = photo.open()
        looks.append(
            Look(
                photo,
                max(picture.shape[:2]),
                ours.look(picture) if "ours" in sides else {},
                peer.look(picture, parts) if "peer" in sides else {},
            )
        )
    return looks
