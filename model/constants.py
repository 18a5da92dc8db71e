"""The numbers that Python and the browser must agree on, read once from constants.json.

What the entries mean (pixels are those of the 256 x 256 crop or tile unless said otherwise):

crop_side              side of a crop, and longer side of a letterboxed photo
roi.KIND               scale_box, scale_points: the crop's side as a multiple of the larger side of the detector's
                       box or of the box around the points; up_from, up_to: two points that say which way is up;
                       box_margin: how far an object's box reaches beyond its points (share of their box's larger side)
detector.score         the landmark network never looks at detections below it
detector.nms_iou       two boxes of one kind that overlap more are one object
detector.contained     a box from a closer look lies inside an earlier one by this share: part of that object
detector.tiles         longer_sides: the photo is looked at again, enlarged to these; overlap between tiles; what is
                       smaller than `small` with at least the `weak_score` for that side makes the detector look
                       closer there, and everywhere at the first of the sides if the photo is so large and nothing has
                       the score `enough`; a box within
                       `border` of a tile's inner edge is cut off and left to the neighbouring tile
detector.most          at most so many objects per photo
detector.step          the sides of a picture for the detector are multiples of it: it halves them five times
detector.batch         pictures per run of the network (bounds memory); landmarks.batch likewise for crops
landmarks.confidence   the score of a find: 1 / (1 + exp(-(detection * logit(detector's score) + presence * logit(presence) +
                       size * log(its share of the photo's side) + uncertainty * log(mean sigma / its size) + offset))); below
                       `least` it is not reported (fitted by thresholds.py); presence counts up to sure_presence, for less must be
                       looked at that it could never lift enough, and the uncertainty within uncertainty_range
landmarks.second_look  crop again from the points if the first crop was off by more than `shift` (share of its side),
                       `scale` (ratio) or `degrees`, or the presence is below `presence`; hopeless ones are left
landmarks.duplicate    two objects whose points are on average closer than this share of their size are one
landmarks.least_handedness  below this handedness score people are told that the side is unclear
tracker.presence       a tracked object is dropped below it; tracker.detect_every_seconds: between searches for
                       newcomers; tracker.known_iou: a detection overlapping a track this much is no newcomer;
                       tracker.handedness_memory: weight of the past frames in a track's handedness; its
                       named side changes only if that average is handedness_margin away from 1/2
smoothing              One-Euro filter: min_cutoff and derivative_cutoff in Hz, beta in Hz per (object size / s)
drawing                colours; widths as a share of the object's larger side; a point is drawn in full while its expected
                       error is below opacity.sure of that side, and faintest above opacity.lost
photo                  limits, checked before a photo is decoded
hand, face, ibug68     names, edges, contours and colours of the points (see points.py)
"""

import json
from pathlib import Path

CONSTANTS: dict = json.loads(Path(__file__).with_name("constants.json").read_text(encoding="utf-8"))

CROP: int = CONSTANTS["crop_side"]
KINDS = ("hand", "face")  # class 0 and 1 of the detector's output
