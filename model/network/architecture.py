"""The network: five stages from a crop to points, and the detector that gives the ROIs.

Three networks of the same plan, for hands, for faces and for finding both: an encoder that halves the picture step by step, and a
way back up (plain 3 x 3 convolutions: the fastest to train and to run on a CPU). A landmark network's trunk ends in the
64 x 64 x 64 features that its head reads; the detector's ends at 32 x 32, one prediction per cell.

Coordinates inside the network are fractions of the crop's side: x = (pixel + 0.5) / side.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .soft_argmax import Expectation, expectation

SIZE = 256
HAND_POINTS, FACE_POINTS, IBUG_POINTS, IRIS_POINTS = 21, 478, 68, 10
ANCHORS = IBUG_POINTS + IRIS_POINTS  # the face's points that get a heat map of their own; the mesh follows them
CLASSES = ("hand", "face")
LOG_SIGMA = (-7.0, 0.0)  # from a quarter of a pixel of the crop to its whole side


def conv(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """A 3 x 3 convolution with normalisation and ReLU."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


class Residual(nn.Module):
    """Two convolutions and a way around them (He et al. 2016); `inside`: channels between the two."""

    def __init__(self, channels: int, inside: int | None = None):
        super().__init__()
        self.first = conv(channels, inside or channels)
        norm = nn.BatchNorm2d(channels)
        self.second = nn.Sequential(nn.Conv2d(inside or channels, channels, 3, 1, 1, bias=False), norm)
        nn.init.zeros_(norm.weight)  # it begins as nothing (Goyal et al. 2017), so that one can be added to a trained network

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, H, W) -> the same shape."""
        return F.relu(x + self.second(self.first(x)))


class Encoder(nn.Module):
    """Picture -> five maps: of a quarter of its side, then `fine`, then ever half of the last one's. `depths`: how many residual
    blocks the three smaller levels have. onnxruntime computes channels in blocks of 16, so that 20 take as long as 32.

    The stem convolves 6 x 6 pixels with stride 4: all further convolutions are four times cheaper than behind a 3 x 3 stem."""

    def __init__(self, fine: tuple[int, ...], depths: tuple[int, int, int], widths: tuple[int, ...] = (16, 32, 48, 80, 128)):
        super().__init__()
        a, b, c, d, e = widths
        self.stem = nn.Sequential(nn.Conv2d(3, a, 6, 4, 2, bias=False), nn.BatchNorm2d(a), nn.ReLU(inplace=True))
        self.fine = nn.Sequential(*(conv(inputs, b, stride) for inputs, stride in zip((a, b), fine)))
        self.middle = nn.Sequential(conv(b, c, 2), *(Residual(c) for _ in range(depths[0])))
        self.coarse = nn.Sequential(conv(c, d, 2), *(Residual(d) for _ in range(depths[1])))
        self.smallest = nn.Sequential(conv(d, e, 2), *(Residual(e) for _ in range(depths[2])))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """(N, 3, H, W) -> the five maps, finest first."""
        stem = self.stem(x)
        fine = self.fine(stem)
        middle = self.middle(fine)
        coarse = self.coarse(middle)
        return stem, fine, middle, coarse, self.smallest(coarse)


class Merge(nn.Module):
    """A finer map and a coarser one, brought to the same channels and added (feature pyramid, Lin et al. 2017)."""

    def __init__(self, fine: int, coarse: int, outputs: int):
        super().__init__()
        self.fine = nn.Conv2d(fine, outputs, 1, bias=False)
        self.coarse = nn.Conv2d(coarse, outputs, 1, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, fine: Tensor, coarse: Tensor) -> Tensor:
        """fine (N, C, 2 H, 2 W), coarse (N, D, H, W) -> (N, outputs, 2 H, 2 W)."""
        up = F.interpolate(self.coarse(coarse), scale_factor=2.0, mode="nearest")
        return F.relu(self.norm(self.fine(fine) + up))


def preprocess(image: Tensor) -> Tensor:
    """Stage 2. uint8 RGB (N, H, W, 3), 0..255 -> float (N, 3, H, W), 0..1."""
    return image.permute(0, 3, 1, 2).float() / 255.0


def where(logits: Tensor, local: Tensor, training: bool) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    """Heat maps (N, K, 64, 64) -> points (N, K, 2); what the features `local` (N, C, 64, 64) are there, (N, K, C): their mean, weighted
    by each point's map; and what else is asked of the maps: their losses' ingredients or the maps themselves.

    No gradient goes from the features through the maps, which learn from their own losses."""
    if training:
        points, scores, log_sum, maps = Expectation.apply(logits)
        seen = maps.transpose(1, 2) @ local.flatten(2).transpose(1, 2).float()
        return points, seen, {"coarse": points, "scores": scores, "log_sum": log_sum}
    points, seen, maps = expectation(logits, local)
    return points, seen, {"coarse": points, "maps": maps}


def bend(x: Tensor) -> Tensor:
    """Behind fully connected layers. With a plain ReLU 229 of a face's 256 units had died: they never saw a gradient again (Maas et al. 2013)."""
    return F.leaky_relu(x, 0.1)


class Summary(nn.Module):
    """The whole crop in one vector: the smallest maps, 4 x 4, fully connected."""

    LENGTH = 64

    def __init__(self, channels: int = 128):
        super().__init__()
        self.full = nn.Linear(channels * 16, self.LENGTH)

    def forward(self, smallest: Tensor) -> Tensor:
        """(N, channels, 4, 4) -> (N, 64)."""
        return bend(self.full(smallest.flatten(1)))  # (N, 64)


class HandHead(nn.Module):
    """Stage 4 for a hand: heat maps give each point's place; fully connected layers, which see the whole crop's summary and the
    features at every point, refine it and add depth."""

    LOCAL, HIDDEN = 24, 256  # channels that are read at every point; units of the fully connected layers

    def __init__(self):
        super().__init__()
        self.maps = nn.Conv2d(64, HAND_POINTS, 1)
        self.local = nn.Conv2d(64, self.LOCAL, 1)
        self.summary = Summary()
        self.hidden = nn.Linear(Summary.LENGTH + HAND_POINTS * (2 + self.LOCAL), self.HIDDEN)
        self.hidden_more = nn.Linear(self.HIDDEN, self.HIDDEN)
        nn.init.zeros_(self.hidden_more.weight)  # it begins as nothing, as a residual block does
        nn.init.zeros_(self.hidden_more.bias)
        self.points = nn.Linear(self.HIDDEN, HAND_POINTS * 3)
        self.log_sigma = nn.Linear(self.HIDDEN, HAND_POINTS)
        self.judge = nn.Linear(Summary.LENGTH, 1)  # presence
        self.side = nn.Linear(self.HIDDEN, 1)  # right hand

    def forward(self, features: Tensor, smallest: Tensor) -> dict[str, Tensor]:
        """features (N, 64, 64, 64), smallest (N, 128, 4, 4) -> points, sigma, presence and side by name, and what `where` gives."""
        logits = self.maps(features)  # (N, 21, 64, 64)
        coarse, seen, heat = where(logits, self.local(features), self.training)  # (N, 21, 2), (N, 21, 24)
        summary = self.summary(smallest)  # (N, 64)
        guess = coarse.detach()  # the heat maps learn from their own losses, undisturbed by the layers behind
        hidden = bend(self.hidden(torch.cat([summary, guess.flatten(1) * 2 - 1, seen.flatten(1)], 1)))  # (N, 256)
        hidden = hidden + bend(self.hidden_more(hidden))  # (N, 256)
        moved = self.points(hidden).float().view(-1, HAND_POINTS, 3) * 0.1  # (N, 21, 3)
        points = torch.cat([guess + moved[..., :2], moved[..., 2:] - moved[:, :1, 2:]], -1)
        return heat | {
            "points": points,  # (N, 21, 3)
            "log_sigma": self.log_sigma(hidden).float() - 4.0,  # (N, 21)
            "presence": self.judge(summary).float(),
            "right": self.side(hidden).float(),  # logits (N, 1)
        }


class FaceHead(nn.Module):
    """Stage 4 for a face: 78 heat maps (68 iBUG points, two irises of five), from them the mesh of 478 points.

    `spread` is a 478 x 78 matrix with rows that sum to one: every mesh point as a weighted mean of the anchors, so that the
    first guess moves, turns and grows with them. Fully connected layers add what expression and pose change, and depth.
    """

    LOCAL, HIDDEN = 12, 64  # channels that are read at every anchor; units of the fully connected layer

    def __init__(self):
        super().__init__()
        self.maps = nn.Conv2d(64, ANCHORS, 1)
        self.local = nn.Conv2d(64, self.LOCAL, 1)
        self.summary = Summary()
        self.hidden = nn.Linear(Summary.LENGTH + ANCHORS * (2 + self.LOCAL), self.HIDDEN)
        self.spread = nn.Parameter(torch.full((FACE_POINTS, ANCHORS), 1.0 / ANCHORS))
        self.points = nn.Linear(self.HIDDEN, FACE_POINTS * 3)
        self.ibug = nn.Linear(self.HIDDEN, IBUG_POINTS * 2)
        self.log_sigma = nn.Linear(self.HIDDEN, FACE_POINTS)
        self.judge = nn.Linear(Summary.LENGTH, 1)

    def forward(self, features: Tensor, smallest: Tensor) -> dict[str, Tensor]:
        """features (N, 64, 64, 64), smallest (N, 128, 4, 4) -> points, iBUG points, sigma and presence by name, and what `where` gives."""
        logits = self.maps(features)  # (N, 78, 64, 64)
        coarse, seen, heat = where(logits, self.local(features), self.training)  # (N, 78, 2), (N, 78, 12)
        summary = self.summary(smallest)  # (N, 64)
        guess = coarse.detach()  # the heat maps learn from their own losses, undisturbed by the layers behind
        hidden = bend(self.hidden(torch.cat([summary, guess.flatten(1) * 2 - 1, seen.flatten(1)], 1)))  # (N, 64)
        moved = self.points(hidden).float().view(-1, FACE_POINTS, 3) * 0.1  # (N, 478, 3)
        points = torch.cat([self.spread.float() @ guess + moved[..., :2], moved[..., 2:]], -1)
        ibug = guess[:, :IBUG_POINTS] + self.ibug(hidden).float().view(-1, IBUG_POINTS, 2) * 0.1
        return heat | {
            "points": points,  # (N, 478, 3)
            "ibug": ibug,  # (N, 68, 2)
            "log_sigma": self.log_sigma(hidden).float() - 4.0,  # (N, 478)
            "presence": self.judge(summary).float(),  # logit (N, 1)
        }


class Landmarks(nn.Module):
    """Crops of one kind in, their points out. Hands and faces have a network each: with one trunk for both, either learned less.

    The 64 x 64 features get the stem's detail back at the end.
    """

    HEADS = {"hand": HandHead, "face": FaceHead}
    DEPTHS = {"hand": (2, 5, 4), "face": (2, 2, 1)}  # residual blocks at 16 x 16, 8 x 8 and 4 x 4; hands vary more than faces
    DEEPENED = {"hand": 1, "face": 0}  # further ones at 16 x 16 on the way back up
    SHARPENED = {"hand": 1, "face": 2}  # residual blocks at 32 x 32, the finest and dearest: a face's points lie closer together

    def __init__(self, kind: str):
        super().__init__()
        self.encoder = Encoder(fine=(2, 1), depths=self.DEPTHS[kind])
        self.up_coarse, self.up_middle = Merge(80, 128, 48), Merge(48, 48, 48)
        self.mix, self.mix_more = conv(48, 48), Residual(48)
        self.deepen = nn.Sequential(*(Residual(48) for _ in range(self.DEEPENED[kind])))
        self.up_fine, self.up_stem = Merge(32, 48, 64), Merge(16, 64, 64)
        self.sharpen = nn.Sequential(*(Residual(64, inside=32) for _ in range(self.SHARPENED[kind])))
        self.head = self.HEADS[kind]()

    def features(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Stage 3. x (N, 3, 256, 256) -> features (N, 64, 64, 64), smallest (N, 128, 4, 4)."""
        # (N, 16, 64, 64), (N, 32, 32, 32), (N, 48, 16, 16), (N, 80, 8, 8), (N, 128, 4, 4)
        stem, fine, middle, coarse, smallest = self.encoder(x)
        middle = self.up_middle(middle, self.up_coarse(coarse, smallest))  # (N, 48, 16, 16)
        middle = self.deepen(self.mix_more(self.mix(middle)))  # (N, 48, 16, 16)
        fine = self.sharpen(self.up_fine(fine, middle))  # (N, 64, 32, 32)
        return self.up_stem(stem, fine), smallest  # (N, 64, 64, 64)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """image uint8 (N, H, W, 3) -> the outputs of the head, and the features."""
        features, smallest = self.features(preprocess(image))
        return {"features": features} | self.head(features, smallest)


class Detector(nn.Module):
    """Whole photos in; for each class and each cell of 8 x 8 pixels a score, a box and the direction that is up.

    Anchor-free, one level, boxes as distances from the cell's centre to the four sides (FCOS, Tian et al. 2019).
    A picture's sides are multiples of 32, at most 256: nothing is computed for the black bars beside an oblong photo.
    """

    def __init__(self):
        super().__init__()
        self.encoder = Encoder(fine=(1,), depths=(1, 4, 4), widths=(16, 32, 48, 80, 128))
        self.up_coarse, self.up_middle = Merge(80, 128, 48), Merge(48, 48, 48)
        self.mix = nn.Sequential(conv(48, 48), conv(48, 48), Residual(48))
        self.out = nn.Conv2d(48, len(CLASSES) * 7, 1)
        with torch.no_grad():
            self.out.bias.zero_()
            self.out.bias.view(len(CLASSES), 7)[:, 0] = -4.6  # nearly every cell is empty: start from score 0.01

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """image uint8 (N, H, W, 3) -> score logits (N, 2, cells), sides (N, 2, cells, 4) as distances left, top, right,
        bottom in cells, up (N, 2, cells, 2) not yet of unit length, centres (cells, 2) in cells; row by row H / 8 x W / 8 cells."""
        # of 256 x 256 pixels (N, 48, 32, 32), (N, 80, 16, 16), (N, 128, 8, 8)
        _, _, middle, coarse, smallest = self.encoder(preprocess(image))
        out = self.out(self.mix(self.up_middle(middle, self.up_coarse(coarse, smallest)))).float()  # (N, 14, H / 8, W / 8)
        n, _, h, w = out.shape
        out = out.view(n, len(CLASSES), 7, h * w)  # (N, 2, 7, cells)
        ys, xs = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
        centres = torch.stack([xs.flatten(), ys.flatten()]).to(out) + 0.5  # (2, cells)
        others = {"sides": (out[:, :, 1:5].clamp(-4, 4) + 1.0).exp(), "up": out[:, :, 5:7], "centres": centres}
        return {"score": out[:, :, 0]} | {name: each.transpose(-1, -2) for name, each in others.items()}

    @staticmethod
    def decode(raw: dict[str, Tensor], stride: float = 8.0) -> Tensor:
        """-> (N, 2, cells, 7): score 0..1, box centre and size in pixels of the photo frame, unit vector up."""
        centres, sides, up = (raw[name].transpose(-1, -2) for name in ("centres", "sides", "up"))  # cells last: thousands of numbers a step
        low, high = centres - sides[:, :, :2], centres + sides[:, :, 2:]  # (N, 2, 2, cells)
        middle, size = (low + high) / 2 * stride - 0.5, (high - low) * stride
        up = up / up.pow(2).sum(2, keepdim=True).clamp(min=1e-12).sqrt()
        return torch.cat([raw["score"].sigmoid()[:, :, None], middle, size, up], 2).transpose(2, 3)


def found(detector: Detector, image: Tensor) -> Tensor:
    """image uint8 (N, H, W, 3) -> `detections`."""
    return Detector.decode(detector(image))


def points(hand: Landmarks, face: Landmarks, image: Tensor) -> tuple[Tensor, ...]:
    """image uint8 (N, 256, 256, 3) -> what the landmark networks give out, in the order of Pointillist.outputs. Sigma is kept within
    bounds: of what is no hand or face it would else be anything."""
    h, f = hand(image), face(image)
    return (
        h["features"],
        h["maps"],
        h["points"].flatten(1),
        h["log_sigma"].clamp(*LOG_SIGMA).exp(),
        h["presence"].sigmoid(),
        h["right"].sigmoid(),
        f["features"],
        f["points"].flatten(1),
        f["log_sigma"].clamp(*LOG_SIGMA).exp(),
        f["presence"].sigmoid(),
        f["ibug"].flatten(1),
    )


class Pointillist(nn.Module):
    """The whole graph as it is exported: one input, the outputs of all three networks by name."""

    def __init__(self, detector: Detector, hand: Landmarks, face: Landmarks):
        super().__init__()
        self.detector, self.hand, self.face = detector, hand, face

    outputs = (
        "detections",
        "hand_features",
        "hand_heatmaps",
        "hand",
        "hand_sigma",
        "hand_presence",
        "handedness",
        "face_features",
        "face",
        "face_sigma",
        "face_presence",
        "face_ibug68",
    )

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """image uint8 (N, 256, 256, 3) -> the tensors named in `outputs`, shapes in export/torch_to_onnx.py."""
        return found(self.detector, image), *points(self.hand, self.face, image)
