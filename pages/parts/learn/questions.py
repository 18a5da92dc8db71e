"""The quiz's questions. Those about the run and about the visitor's picture are computed from them.

Knows nothing of Streamlit; which option is right is worked out anew each time and kept nowhere.
"""

import random
from dataclasses import dataclass

import numpy as np

from model import Face, Hand
from model.constants import CROP
from model.runtime.topology import FACE_CONTOURS, FINGERS
from model.training.observations import finger_errors
from model.training.run_log import TrainingTrace
from pages.parts.photos.stage_views import crop_points


@dataclass(frozen=True)
class Question:
    """text, the options in the order shown, which of them is right, and why. name: what it is about, unique in a quiz."""

    name: str
    text: str
    options: tuple[str, ...]
    right: int
    why: str


def questions(trace: TrainingTrace | None, instance: Hand | Face | None, point_names: list[str], seed: int) -> list[Question]:
    """All questions that can be asked: three that any textbook could ask, then those about our run and the visitor's picture.

    seed: of the options' order.
    """
    asked = [_stage(), _shape(), _confirms()]
    if trace:
        asked += [q for q in (_reading(trace), _hardest(trace)) if q]
    if instance is not None and instance.trace is not None:
        asked += [q for q in (_unsure(instance), _pixel(instance, point_names), _back()) if q]
    return [asked[0], *(_shuffled(question, seed) for question in asked[1:])]


def _shuffled(question: Question, seed: int) -> Question:
    order = list(range(len(question.options)))
    random.Random(f"{seed} {question.name}").shuffle(order)
    options = tuple(question.options[i] for i in order)
    return Question(question.name, question.text, options, order.index(question.right), question.why)


def _stage() -> Question:
    return Question(
        "stage",
        "What does the feature extraction stage mainly do?",
        ("Detect edges and textures", "Normalise pixel values", "Scale coordinates", "Predict coordinates directly"),
        0,
        "Its convolutions answer to edges and textures first, deeper ones to folds, joints and tips. Normalising is the "
        "preprocessing before it, predicting coordinates the regression head behind it, and scaling them postprocessing.",
    )


def _shape() -> Question:
    return Question(
        "shape",
        "Why does the network give 63 numbers for a hand?",
        (
            "21 points, and x, y, z for each",
            "63 feature maps, and one number from each",
            "63 points, and one number for each",
            "7 points on each finger, and 9 numbers for each",
        ),
        0,
        "21 landmarks × 3 coordinates = 63. For a face it is 478 × 3 = 1434.",
    )


def _confirms() -> Question:
    return Question(
        "confirms",
        "In the textbook's trace the loss falls from 0.12 to 0.025 while accuracy rises from 65% to 91%. What does that confirm?",
        (
            "The network learns: its predictions come closer to the true points",
            "The pictures become easier from epoch to epoch",
            "The network forgets what it learned in the first epochs",
            "Loss and accuracy measure unrelated quantities",
        ),
        0,
        "Less error on what it trains on, and more points in the right place on pictures kept out of training: both together show learning.",
    )


def _reading(trace: TrainingTrace) -> Question | None:
    """After which epoch accuracy rose most: read off the curve."""
    accuracy = np.array([epoch.mean_accuracy for epoch in trace.epochs])
    gains = np.diff(accuracy)
    if len(gains) < 4 or not np.isfinite(gains).all():
        return None
    order = np.argsort(-gains, kind="stable")
    best, others = int(order[0]), [int(i) for i in order[len(order) // 2 :][:3]]
    steps = [best, *others]
    if gains[others[0]] > 0.8 * gains[best] or len(others) < 3:
        return None  # too close to be read off
    label = lambda i: f"From epoch {trace.epochs[i].number} to epoch {trace.epochs[i + 1].number}"  # noqa: E731
    return Question(
        "reading",
        f"In the training trace of {_kinds(trace)}: in which of these steps did accuracy rise most?",
        tuple(label(i) for i in steps),
        0,
        f"There it rose from {accuracy[best]:.1%} to {accuracy[best + 1]:.1%}. Curves are steep while there is much to learn, and flatten later.",
    )


def _kinds(trace: TrainingTrace) -> str:
    return " and ".join(f"{kind}s" for kind in trace.kinds)


def _hardest(trace: TrainingTrace) -> Question | None:
    fingers = finger_errors(trace)
    if not fingers:
        return None
    names = list(fingers)
    hardest = max(names, key=lambda name: fingers[name])
    return Question(
        "hardest",
        "Which finger had the largest error on the validation pictures at the end of the training?",
        tuple(name.capitalize() for name in names),
        names.index(hardest),
        "Errors (NME): " + ", ".join(f"{name} {error:.3f}" for name, error in fingers.items()) + ".",
    )


def _unsure(instance: Hand | Face) -> Question:
    """Which finger or part of the face has the largest mean sigma."""
    if isinstance(instance, Hand):
        what, parts = "finger", {finger.name: finger.points for finger in FINGERS}
    else:
        what = "part of the face"
        parts = {c.name.replace("_", " "): c.points for c in FACE_CONTOURS if c.name in _FACE_PARTS}
    sigma = {name: float(instance.sigma[list(points)].mean()) for name, points in parts.items()}
    names = list(sigma)
    largest = max(names, key=lambda name: sigma[name])
    return Question(
        "unsure",
        f"In your picture: of which {what} is the network least sure (the largest mean sigma)?",
        tuple(name.capitalize() for name in names),
        names.index(largest),
        "Mean sigma in pixels of the photo: " + ", ".join(f"{name} {value:.2f}" for name, value in sigma.items()) + ".",
    )


_FACE_PARTS = ("oval", "left_eye", "right_eye", "nose_bottom", "lips_outer")


def _pixel(instance: Hand | Face, point_names: list[str]) -> Question:
    """Which pixel of the crop a normalised x lands on."""
    points = instance.tensors.vector.reshape(-1, 3)
    # A point in the crop, away from its middle and edges: wrong ways of computing must not give the right pixel.
    inside = np.flatnonzero((points[:, 0] > 0.05) & (points[:, 0] < 0.95))
    point = int(inside[np.argmax(np.abs(points[inside, 0] - 0.5))]) if len(inside) else 0
    x = float(points[point, 0])
    right = round(float(crop_points(instance)[point, 0]))
    wrong = [round(x * 100), round(x * CROP / 4), round((1 - x) * CROP), round(x * 2 * CROP)]
    options = [right, *dict.fromkeys(w for w in wrong if abs(w - right) > 2)][:4]
    return Question(
        "pixel",
        f"In your picture the network gives x = {x:.3f} for {point_names[point]}. Which pixel column of the {CROP} pixel wide crop is that?",
        tuple(str(option) for option in options),
        0,
        f"{x:.3f} × {CROP} − 0.5 = {x * CROP - 0.5:.1f}, so column {right}.",
    )


def _back() -> Question:
    return Question(
        "back",
        "How do the points come from the crop back to your photo?",
        (
            "By the inverse of the transform that cut the crop out",
            "A second network finds them in the photo",
            "By the same convolutions, run backwards",
            "They need not: crop and photo have the same pixels",
        ),
        0,
        "Cutting out is one invertible transform (move, turn, scale); postprocessing applies its inverse to every point.",
    )
