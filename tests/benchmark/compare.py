"""Pointillist and MediaPipe side by side: python3 make.py benchmark [--data FOLDER] [--coco FOLDER] [--most N] [--json FILE] [--markdown FILE]

Both get the same pictures in the same run, one after the other, each as a process of its own. MediaPipe 0.10.21 (mp.solutions: hands,
face_mesh with refine_landmarks, full-range face detector) is installed into a virtual environment of its own the first time.

--data: folder of the training sets, measured on their validation splits; without it rendered pictures are made from the project's examples.
--coco: any folder in COCO form (photos.coco tells what is read); may be given several times.

Figures: NME = mean point error / scale: hands by the larger side of the points' box, faces by the outer eye corners' distance. Points
outside the picture count too. "both found" leaves an object out that either side missed. ratio = ours / MediaPipe's.
"""

import argparse
import datetime
import json
import platform
import shlex
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from model.data import landmark_sets, samples
from model.data.detection_sets import Scenes
from model.data.detection_sets import read as read_scenes
from model.evaluation import natural_photos
from model.evaluation.unlabelled_hands import with_unlabelled
from tests.benchmark.figures import box_figures, landmark_figures, speed
from tests.benchmark.figures.landmark_figures import extent, outer_eyes
from tests.benchmark.figures.table import Row, document, markdown
from tests.benchmark.sides import workers
from tests.benchmark.sides.answers import SIDES, ask
from tests.benchmark.truth import photos, rendered
from tests.benchmark.truth.photos import evenly
from tests.benchmark.truth.point_map import IBUG_OF_MESH, PointMap

ROOT = Path(__file__).resolve().parents[2]
SETS = {
    "hands": ("synth_hands", "real_hands"),
    "faces": ("real_faces", "synth_faces"),
    "boxes": ("hand_scenes", "face_scenes"),
    "natural": ("wild",),
}  # part -> sets
STEEP = 40  # degrees of yaw from which a face is a profile
PARTS = ("hands", "faces", "boxes", "natural", "speed")


def hand_points(answer):
    return answer["hand_points"]


def mesh(answer):
    return answer["face_points"]


def own_ibug(answer):
    return answer["face_ibug"]


class Shown(list):
    """A table with new rows that are shown at once, so that a long run that is cut short was not in vain."""

    def __iadd__(self, rows: Iterable[Row]) -> "Shown":
        rows = list(rows)
        print(markdown(rows), file=sys.stderr, flush=True)
        return super().__iadd__(rows)


class Benchmark:
    """ours, peer: running workers; most: photos of each set, and for fitting each map."""

    def __init__(self, ours: workers.Worker, peer: workers.Worker, cache: Path, most: int):
        self._ask = partial(ask, ours=ours, peer=peer)
        self._cache, self._most = cache, most

    def hands(self, s: samples.Samples) -> list[Row]:
        rows = evenly(np.flatnonzero(s.split == "val"), self._most)
        answers = self._ask(photos.crops(s, rows), parts="hands", what=s.name)
        ours, peer = (landmark_figures.measure(answers, side, "hand", hand_points) for side in SIDES)
        labels = ", labels: MediaPipe's consensus" if s.name == "real_hands" else ""
        return landmark_figures.rows(f"{s.name} val ({len(rows)}{labels})", ours, peer, extent)

    def faces(self, s: samples.Samples, bary: np.ndarray | None) -> list[Row]:
        """68 points, people's or rendered, and people's fiducials of profiles."""
        maps = {"the usual 68 mesh points": lambda answer: mesh(answer)[:, IBUG_OF_MESH]}
        if bary is not None:
            maps["barycentric map"] = lambda answer: np.einsum("ij,njk->nik", bary, mesh(answer))
        readers = {"ours": own_ibug, "peer": maps["the usual 68 mesh points"]}
        known = s.notes.get("human68", np.ones(len(s.split), bool))
        train, val = (evenly(np.flatnonzero(known & (s.split == split)), self._most) for split in ("train", "val"))
        fitted = self._point_map(s, train, s.ibug, "peer")
        maps["ridge map"] = lambda answer: fitted(mesh(answer))
        answers = self._ask(photos.crops(s, val), parts="mesh", what=s.name)
        table = landmark_figures.face_rows(f"{s.name} val, 68 points ({len(val)})", answers, readers, maps)
        return table + (self._profiles(s) if "fid30" in s.notes else [])

    def _profiles(self, s: samples.Samples) -> list[Row]:
        """Human fiducials of faces seen from the side. They are other points on a left profile than on a right one."""
        steep = np.isfinite(s.notes["fid30"]).all((1, 2)) & (np.abs(s.notes["yaw"]) > STEEP)
        measured: dict[str, list] = {side: [] for side in SIDES}
        for turned in (s.notes["yaw"] < 0, s.notes["yaw"] >= 0):
            train, val = (evenly(np.flatnonzero(steep & turned & (s.split == split)), self._most // 2) for split in ("train", "val"))
            fitted = {side: self._point_map(s, train, s.notes["fid30"], side) for side in SIDES}
            answers = self._ask(photos.crops(s, val, s.notes["fid30"]), parts="mesh", what=f"{s.name} profiles")
            for side in SIDES:
                measured[side] += landmark_figures.measure(answers, side, "face", lambda answer, side=side, fitted=fitted: fitted[side](mesh(answer)))
        section = f"{s.name} val, profiles, 30 fiducials ({len(measured['ours'])}), both by ridge map; / face size"
        return landmark_figures.rows(section, measured["ours"], measured["peer"], extent, "%")

    def _point_map(self, s: samples.Samples, train: list[int], target: np.ndarray, side: str) -> PointMap:
        """From this side's own meshes on training rows to the target's points there."""
        answers = self._ask(photos.crops(s, train, target), parts="mesh", what=f"{s.name} train, to fit a map", sides=[side])
        meshes, targets = [], []
        for seen in answers:
            found, truth = mesh(seen.by(side)), seen.photo.objects[0].points
            # Which mesh is the labelled face: by the centre of the usual 68 points, near enough to the target's.
            index = landmark_figures.pairs(found[:, IBUG_OF_MESH].mean(1, keepdims=True).repeat(len(truth), 1), [truth])[0]
            if index is not None:
                meshes.append(found[index])
                targets.append(truth)
        return PointMap(np.array(meshes), np.array(targets))

    def scenes(self, folder: Path, kind: str) -> list[Row]:
        part = {"hand": "hands", "face": "boxes"}[kind]
        val = evenly(photos.coco(folder), self._most)
        filled, empty = ([p for p in val if bool(p.objects) == some] for some in (True, False))
        answers = self._ask(filled, parts=part, what=folder.name)
        answers += self._ask(empty, parts="hands boxes", what=f"{folder.name}, empty")
        section = f"{folder.name} val ({len(val)} photos)"
        table = box_figures.rows(section, answers, kind)
        if kind == "face":
            train = [p for p in photos.coco(folder, "train") if p.objects]
            fitted = box_figures.fit_box_map(self._ask(evenly(train, self._most), parts=part, what=f"{folder.name} train", sides=["peer"]), "peer", kind)
            table += box_figures.rows(f"{section}, MediaPipe's boxes after a fitted shift and scale", answers, kind, fitted)
        return table + box_figures.false_detections(section, answers)

    def natural(self, p: Scenes, way: str) -> list[Row]:
        """Whole photos with hands and faces, as they are, turned or grey. MediaPipe's face boxes are mapped to the labels' by a fit on training photos."""
        val = evenly(np.flatnonzero(p.split == "val"), self._most)
        answers = self._ask(photos.natural(p, val, way), parts="hands boxes", what=f"{p.name} ({way})")
        completed = [replace(seen, photo=photo) for seen, photo in zip(answers, photos.natural(with_unlabelled(p), val, way))]
        section = f"{p.name} val, {way} ({len(answers)} photos)"
        ours, peer = (landmark_figures.measure(answers, side, "hand", hand_points) for side in SIDES)
        table = box_figures.rows(f"{section}, hands", answers, "hand")
        table += box_figures.rows(f"{section}, hands, with those that nobody labelled", completed, "hand")
        table += landmark_figures.rows(f"{section}, sure hands ({len(ours)}, labels: MediaPipe's consensus)", ours, peer, extent)
        train = photos.natural(p, evenly(np.flatnonzero(p.split == "train"), self._most // 2), way)
        fitted = box_figures.fit_box_map(self._ask(train, parts="boxes", what=f"{p.name} train", sides=["peer"]), "peer", "face")
        return table + box_figures.rows(f"{section}, faces, MediaPipe's boxes after a fitted shift and scale", answers, "face", fitted)

    def own_photos(self, name: str, given: list[photos.Photo]) -> list[Row]:
        """Photos with every hand or face labelled: points where there are any, and boxes."""
        table: list[Row] = []
        answers = self._ask(evenly(given, self._most), parts="hands mesh boxes", what=name)
        truths = [truth for seen in answers for truth in seen.photo.objects if truth.points is not None]
        if any(truth.kind == "hand" for truth in truths):
            ours, peer = (landmark_figures.measure(answers, side, "hand", hand_points) for side in SIDES)
            table += landmark_figures.rows(f"{name}, hands ({len(ours)})", ours, peer, extent)
        sizes = {len(truth.points) for truth in truths if truth.kind == "face"}
        if sizes == {68}:
            usual = {"the usual 68 mesh points": lambda answer: mesh(answer)[:, IBUG_OF_MESH]}
            count = sum(truth.kind == "face" for truth in truths)
            readers = {"ours": own_ibug, "peer": usual["the usual 68 mesh points"]}
            table += landmark_figures.face_rows(f"{name}, faces ({count})", answers, readers, usual)
        elif sizes == {478}:
            ours, peer = (landmark_figures.measure(answers, side, "face", mesh) for side in SIDES)
            table += landmark_figures.rows(f"{name}, faces ({len(ours)})", ours, peer, outer_eyes, "%")
        for kind in sorted({kind for photo in given for kind in photo.boxed}):
            if any(truth.box is not None for photo in given for truth in photo.of(kind)):
                table += box_figures.rows(f"{name}, {kind} boxes", answers, kind)
        return table + box_figures.false_detections(name, answers)

    def training_sets(self, folder: Path, parts: set[str]) -> Iterator[list[Row]]:
        """The rows of one set after the other."""
        sets = {path.name: path for path in sorted(folder.iterdir()) if path.is_dir()}
        if "natural" in parts:
            for name in SETS["natural"]:
                if name in sets:
                    p = read_scenes(sets[name], self._cache)
                    for way in (*natural_photos.TURNS, "grey"):
                        yield self.natural(p, way)
        if "hands" in parts:
            for name in SETS["hands"]:
                if name in sets:
                    yield self.hands(landmark_sets.KNOWN[name](sets[name], self._cache))
        if "faces" in parts:
            published = folder / "real_faces" / "map478to68_bary.npz"
            bary = np.load(published)["W"] if published.exists() else None
            for name in SETS["faces"]:
                if name in sets:
                    yield self.faces(landmark_sets.KNOWN[name](sets[name], self._cache), bary)
        if "boxes" in parts:
            for name, kind in zip(SETS["boxes"], ("hand", "face")):
                if name in sets:
                    yield self.scenes(sets[name], kind)


def speed_photos(o: argparse.Namespace, own: dict[str, list[photos.Photo]]) -> dict[str, list[np.ndarray]]:
    """By name, whole photos of what is measured on, as many as there are repeats: of the folders in COCO form, or of the training sets' scenes."""
    if not own and o.data and not o.rendered:
        own = {name: photos.coco(o.data / name) for name in SETS["boxes"] if (o.data / name).is_dir()}
    chosen = {name: evenly(given, o.repeats) for name, given in own.items()}
    return {f"{name}, {len(given)} photos": [photo.open() for photo in given] for name, given in chosen.items()}


def main() -> None:
    options = argparse.ArgumentParser(prog="python3 make.py benchmark", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data", type=Path)
    options.add_argument("--rendered", action="store_true", help="the rendered pictures, even where there is data")
    options.add_argument("--coco", type=Path, action="append", default=[], metavar="FOLDER")
    options.add_argument("--cache", type=Path, default=Path("runs/cache"), help="decoded pictures of the training sets")
    options.add_argument("--most", type=int, default=1000, help="photos of each set")
    options.add_argument("--only", nargs="*", default=PARTS, choices=PARTS, help="parts of the training sets, and speed")
    options.add_argument("--cores", type=int, default=2, help="CPUs of each side, except where speed is measured")
    options.add_argument("--repeats", type=int, default=30, help="photos of each kind for speed; live frames: three times as many")
    options.add_argument("--json", type=Path)
    options.add_argument("--markdown", type=Path)
    options.add_argument("--verbose", action="store_true", help="show what the two sides log")
    o = options.parse_args()
    if o.data and not o.rendered and not o.coco and not any((o.data / name).is_dir() for names in SETS.values() for name in names):
        options.error(f"{o.data} holds none of {', '.join(name for names in SETS.values() for name in names)}; for a folder of your own: --coco")
    try:
        own = {folder.name: photos.coco(folder) for folder in o.coco}
        if empty := [name for name, given in own.items() if not given]:
            raise ValueError(f"{empty[0]} has no photo to measure on: none is of the split 'val' with boxes that people drew")
        workers.install_peer()
    except (ValueError, workers.PeerMissing) as error:
        options.error(str(error))
    log = {"log": sys.stderr} if o.verbose else {}
    start_ours, start_peer = partial(workers.ours, **log), partial(workers.theirs, **log)

    table = Shown()
    if set(o.only) - {"speed"}:
        with start_ours(o.cores) as ours, start_peer(o.cores) as peer:
            benchmark = Benchmark(ours, peer, o.cache, o.most)
            if o.data and not o.rendered and not o.coco:
                for rows in benchmark.training_sets(o.data, set(o.only)):
                    table += rows
            elif not o.coco:
                table += benchmark.own_photos("rendered", rendered.photos())
            for name, given in own.items():
                table += benchmark.own_photos(name, given)
    if "speed" in o.only:
        table += speed.rows(start_ours, start_peer, o.repeats, speed_photos(o, own))

    command = shlex.join(["python3", "make.py", "benchmark", *(Path(a).name if a.startswith("/") else a for a in sys.argv[1:])])
    about = {"date": datetime.date.today().isoformat(), "command": command, "peer": workers.PEER, "machine": f"{platform.machine()}, {platform.system()}"}
    text = f"Pointillist and {workers.PEER}, {about['date']}: `{command}`\n\n{markdown(table)}\n"
    print(text)
    if o.json:
        o.json.write_text(json.dumps(document(table, about), indent=1) + "\n")
    if o.markdown:
        o.markdown.write_text(text)


if __name__ == "__main__":
    main()
