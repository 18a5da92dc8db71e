"""The numbers that Python and the browser must agree on, read once from constants.json.

What the entries mean (pixels are those of the 256 x 256 crop or tile unless said otherwise):

crop_side              side of a crop, and longer side of a letterboxed photo
roi.KIND               scale_box, scale_points: the crop's side as a multiple of the larger side of the detector's
                       box or of the box around the points; box_down: how far the crop's centre lies below that of the detector's box, which
                       ends above the chin (share of the crop's side; measured on photos kept back); up_from, up_to: two points that say which way is up;
                       box_margin: how far an object's box reaches beyond its points (share of their box's larger side)
detector.score         detections below it are dropped before the landmark network
detector.nms_iou       two boxes of one kind that overlap more are one object
detector.contained     a box from a higher pyramid level that lies inside one from a lower level by this share is a part of that object
detector.tiles         longer_sides: pyramid levels, by the longer side of the photo; overlap between tiles; a proposal
                       smaller than `small` with at least the `weak_score` of the level makes the detector run the tile in which
                       it is nearest to the middle; all tiles of the first level are run if the photo is so large and no proposal
                       has the score `enough`; a box within `border` of a tile's inner edge is left to the neighbouring tile
detector.orientation   a photo is turned by a quarter or a half if more than the `majority` of its faces with this `score`, by the sum of their scores,
                       would stand upright then, to within so many `degrees`
detector.most          at most so many objects per photo
detector.step          the sides of a picture for the detector are multiples of it: it halves them five times
detector.batch         pictures per run of the network (bounds memory); landmarks.batch likewise for crops
landmarks.confidence   the confidence of a detection: 1 / (1 + exp(-(detection * logit(detector's score) + presence * logit(presence) +
                       size * log(its share of the photo's side) + uncertainty * log(mean sigma / its size) + offset))); below
                       `minimum` it is not reported (fitted by evaluation/fit_confidence.py), below `uncertain_from` not even as
                       uncertain; presence counts up to presence_cap, which
                       makes the prefilter tighter, and the uncertainty within uncertainty_range; where no landmarks would lift the
                       confidence to early_exit (or to the minimum, if that is lower) the network stops behind its encoder
landmarks.refinement   ROI refinement, from this confidence on: crop again around the landmarks if the first crop was off by more than `shift`
                       (share of its side), `scale` (ratio) or `degrees`, or the presence is below `presence`
landmarks.averaging    a hand with at least this confidence is predicted from one further crop where its uncertainty (mean sigma / its size) is above
                       the first number, from another where that of both is above the second, and gets the mean of all; `scale`: side of
                       these crops by that of a crop around landmarks
landmarks.duplicate    two objects with points on average closer than this share of their size (`distance`) are one, two left or two right
                       hands closer than `same_side`: of 1,295 photos' pairs of hands the nearest two that were both real had 0.43
landmarks.min_handedness  below this handedness score the side is reported as unclear
tracker.presence       a tracked object is dropped below it, or below tracker.confidence; tracker.detect_every_seconds: between runs of the
                       detector; tracker.known_iou: a detection overlapping a track this much is not new;
                       tracker.handedness_memory: weight of the past frames in a track's handedness; its
                       named side changes only if that average is handedness_margin away from 1/2
smoothing              One-Euro filter: min_cutoff and derivative_cutoff in Hz, beta in Hz per (object size / s)
drawing                colours; width of bones, contours and boxes, and the dash, as a share of the object's larger side; of the mesh and the
                       radius of points, of the bone's or contour's width; least: pixels; halo: its width or radius by that of what it surrounds;
                       ink: opacity, 0..1; a point is drawn in full while its expected error is below opacity.sure of the object's larger
                       side, and faintest above opacity.lost
photo                  limits, checked before a photo is decoded; suffixes of the files that may be one
video                  suffixes likewise (GIF and WebP are among those of photos); limits of a video: bytes, if it lies in memory; pixels and longer side of
                       a frame; frames; page_seconds and page_bytes: the longest on the photos page, and how much is kept of one there; for its
                       tracks: memory (seconds unseen after which it counts as another one), reach (how far it may have moved meanwhile, in its own
                       sizes), growth (how much larger or smaller it may be), most_pause (seconds between two frames from which a speed is computed)
clip.most_seconds      of the live picture, recorded
archive                of a ZIP: most_directory, bytes of the list of members (about ten thousand); most_unpacked, bytes of all members
                       that are unpacked, those that turn out to be damaged too
hand, face, ibug68     names, edges, contours and colours of the points (see runtime/topology.py)
"""

import json
from pathlib import Path

CONSTANTS: dict = json.loads(Path(__file__).with_name("constants.json").read_text(encoding="utf-8"))

CROP: int = CONSTANTS["crop_side"]
KINDS = ("hand", "face")  # class 0 and 1 of the detector's output
