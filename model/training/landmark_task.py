"""Training a landmark network, that of hands or that of faces: what a batch is, what its loss is, how it is measured."""

import cv2
import numpy as np
import torch
from torch import Tensor

from ..data import hard_examples, landmark_batches, synthetic
from ..data.ibug68 import eye_frame
from ..data.samples import DataError, Samples
from ..evaluation import metrics
from ..network.architecture import ANCHORS, Landmarks
from . import losses

PCK_THRESHOLD = 0.1
PICTURES = 3  # fixed pictures a kind in the trace
MOST_MEASURED = 450  # a set, each epoch


class LandmarkTask:
    """`kind`: 'hand' or 'face'. The sets of the other kind show what is none."""

    pck_threshold = PCK_THRESHOLD
    last_layers = tuple(f"head.{layer}" for layer in ("maps", "points", "log_sigma", "judge", "side", "ibug", "spread"))

    def __init__(
        self, kind: str, sets: list[Samples], pool: list[np.ndarray], seed: int, plan: landmark_batches.Plan, mined: hard_examples.HardExamples | None = None
    ):
        if not any(s.kind == kind and (s.split == "train").any() for s in sets):
            raise DataError(f"No training set shows a {kind}: take another --part, or sets that have one.")
        self.name, self.sets, self.pool, self.seed, self.plan, self.mined = kind, sets, pool, seed, plan, mined

    def build(self) -> Landmarks:
        """A new network; that of faces begins with its mesh fitted to its anchors."""
        network = Landmarks(self.name)
        if self.name == "hand":
            return network
        meshes = [s for s in self.sets if s.kind == "face" and s.ibug is not None]
        rows = [((s.weights[:, :468] > 0.5).all(1) & (s.split == "train"), s) for s in meshes]
        rows = [(keep, s) for keep, s in rows if keep.any()]
        if rows:  # the mesh follows its anchors by least squares from the first step on
            mesh = np.concatenate([s.points[k] for k, s in rows]).astype(np.float64)
            ibug = np.concatenate([s.ibug[k] for k, s in rows if s.ibug is not None]).astype(np.float64)
            inside, centre, matrix = eye_frame(mesh)
            anchors = np.einsum("nij,nkj->nki", np.linalg.inv(matrix), np.concatenate([ibug, mesh[:, 468:]], 1) - centre)
            x = np.concatenate([anchors.transpose(0, 2, 1).reshape(-1, ANCHORS), 1e3 * np.ones((1, ANCHORS))])
            y = np.concatenate([inside.transpose(0, 2, 1).reshape(-1, 478), 1e3 * np.ones((1, 478))])
            spread = np.linalg.solve(x.T @ x + 1.0 * np.eye(ANCHORS), x.T @ y).T
            network.head.spread.data = torch.from_numpy(spread).float()
        return network

    def stream(self, size: int, epoch: int, count: int) -> landmark_batches.Batches:
        """`count` batches of the epoch; the size of a crop is the plan's."""
        return landmark_batches.Batches(self.name, self.sets, self.pool, self.plan, self.seed, epoch, count, self.mined)

    def loss(self, network: Landmarks, batch: dict) -> dict[str, Tensor]:
        """Losses by name, 'hand.points', 'hand.heat', ..."""
        measure = {"hand": losses.hand_losses, "face": losses.face_losses}[self.name]
        named = measure(network(batch["image"]), batch["target"], batch["present"])
        return {f"{self.name}.{k}": v for k, v in named.items()}

    @property
    def own_sets(self) -> list[Samples]:
        """The sets of this task's kind."""
        return [s for s in self.sets if s.kind == self.name]

    @torch.no_grad()
    def predict(self, network: Landmarks, images: np.ndarray) -> dict[str, np.ndarray]:
        """images (N, S, S, 3) uint8 -> points (N, K, 3), sigma (N, K), presence (N,), and right or ibug; fractions."""
        parts = []
        for i in range(0, len(images), 64):
            x = torch.from_numpy(images[i : i + 64])
            with torch.autocast("cpu", torch.bfloat16, enabled=False):
                out = network(x)
            parts.append(
                {"points": out["points"], "sigma": out["log_sigma"].exp(), "presence": out["presence"].sigmoid()[:, 0]}
                | ({"right": out["right"].sigmoid()[:, 0]} if self.name == "hand" else {"ibug": out["ibug"]})
            )
        return {k: torch.cat([p[k] for p in parts]).float().numpy() for k in parts[0]}

    def validate(self, network: Landmarks, size: int) -> dict:
        """On upright crops around the true points of the validation rows. One entry per set; the headline ones are real photos
        where there are any."""
        rng = np.random.default_rng(0)
        report: dict = {"sets": {}, "accuracy": {}, "nme": {}, "point_nme": {}}
        for s in self.own_sets:
            index = np.flatnonzero((s.split == "val") & (s.notes["human68"] if "human68" in s.notes else True))
            index = index[np.linspace(0, len(index) - 1, min(len(index), MOST_MEASURED)).astype(int)]
            if not len(index):
                continue
            rows = [landmark_batches.sample(s, int(i), size, rng, self.pool, {}, 0.0) for i in index]
            out = self.predict(network, np.stack([r["image"] for r in rows]))
            if s.kind == "hand":
                truth = np.stack([r["points"] for r in rows])
                errors = metrics.point_errors(out["points"][..., :2], truth, metrics.extent(truth))
                known = np.array([r["right"] >= 0 for r in rows])
                right = np.array([r["right"] for r in rows])
                extra = {"handedness": float(((out["right"] > 0.5) == right)[known].mean())} if known.any() else {}
            else:
                truth = np.stack([r["ibug"] for r in rows])
                errors = metrics.point_errors(out["ibug"], truth, metrics.outer_eye_distance(truth))
                extra = {}
            report["sets"][s.name] = {"nme": metrics.nme(errors), "pck": metrics.pck(errors, PCK_THRESHOLD), "rows": len(rows)} | extra
            if s.kind not in report["nme"] or not s.name.startswith("synth"):
                report["nme"][s.kind], report["accuracy"][s.kind] = metrics.nme(errors), metrics.pck(errors, PCK_THRESHOLD)
                report["point_nme"][s.kind] = errors.mean(0).tolist()
        return report

    def pictures(self) -> list[dict]:
        """The fixed pictures of the trace: validation crops that may be shipped (own rendering on a free background)."""
        chosen = []
        for s in self.own_sets:
            if "bg" not in s.notes:
                continue
            rows = np.flatnonzero((s.split == "val") & (s.notes["bg"] > 0) & (s.notes.get("degrade", np.zeros(len(s.split))) == 0))
            for i in rows[:: max(1, len(rows) // PICTURES)][:PICTURES]:
                r = landmark_batches.sample(s, int(i), 256, np.random.default_rng(0), self.pool, {}, 0.0)
                truth = r["points"] if s.kind == "hand" else r["ibug"]
                chosen.append({"image": r["image"], "kind": s.kind, "truth": truth * 256 - 0.5})
        return chosen

    def trace(self, network: Landmarks, pictures: list[dict], size: int) -> list[list[list[float]]]:
        """Predicted points of the fixed pictures, pixels of the 256 crop (a face in its 68 points)."""
        found = []
        for p in pictures:
            small = p["image"] if size == 256 else cv2.resize(p["image"], (size, size), interpolation=cv2.INTER_AREA)
            out = self.predict(network, small[None])
            points = out["points"][0, :, :2] if p["kind"] == "hand" else out["ibug"][0]
            found.append(np.round(points * 256 - 0.5, 1).tolist())
        return found


def demo_task(kind: str, seed: int, rows: int = synthetic.ROWS, validation: int = synthetic.VALIDATION) -> LandmarkTask:
    """A task for one kind ('hand', 'face') on drawn hands and faces: it needs no data."""
    sets, backgrounds = synthetic.drawn_sets(seed, rows, validation)
    return LandmarkTask(kind, sets, backgrounds, seed, landmark_batches.Plan())
