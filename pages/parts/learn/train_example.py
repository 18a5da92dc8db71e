"""The hand or face that the training page follows, as the example of "Train it yourself"."""

from functools import partial

import numpy as np

from model import Face, open_photo
from model.constants import CROP
from model.runtime.geometry import extract_crop
from pages.parts.explore.example_picker import Selection
from pages.parts.server.work_queue import WORK_QUEUE
from pages.parts.training.demo_training import WatchedCrop
from pages.parts.training.train_yourself import show_train_yourself


def train_on(selection: Selection) -> None:
    """The widgets of "Train it yourself"; its photo is opened when the training starts."""
    show_train_yourself(selection.kind, partial(watched_crop, selection))


def watched_crop(selection: Selection) -> WatchedCrop:
    """The crop that the released network has predicted its points on, and these points in its pixels."""
    instance = selection.instance
    with WORK_QUEUE.slot():
        crop = extract_crop(open_photo(selection.photo.content), instance.roi, CROP)
    points = instance.ibug68 if isinstance(instance, Face) else instance.landmarks[:, :2]
    to_crop = np.linalg.inv(instance.roi.to_photo(CROP))
    return WatchedCrop(instance.kind, crop, points @ to_crop[:2, :2].T + to_crop[:2, 2])
