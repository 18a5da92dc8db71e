"""The files for label tools that `pointillist detect` writes while it runs: one photo is in memory at a time."""

import argparse
import contextlib
import json
from pathlib import Path

from ..output.label_tools import YOLO_FOLDERS, label_studio_config, label_studio_task, yolo_data, yolo_names, yolo_rows
from ..runtime.result import Result
from .writing import writing


class LabelFiles(contextlib.AbstractContextManager):
    """What `--yolo FOLDER` and `--label-studio FILE` ask for; nothing without them. paths: of all photos, in their order.

    Begins the files, so that what cannot be written is reported (CannotWrite) before a photo is processed.
    """

    def __init__(self, options: argparse.Namespace, paths: list[Path]):
        self._yolo: Path | None = options.yolo
        self._tasks: Path | None = options.label_studio
        self._paths = paths
        self._stems = yolo_names(map(str, paths))
        self._written = 0
        if self._yolo:
            for kind, folder in YOLO_FOLDERS.items():
                self._write(self._yolo / folder / "data.yaml", yolo_data(kind))
        if self._tasks:
            self._write(self._tasks, "[")
            self._write(self._tasks.with_name(f"{self._tasks.stem}_interface.xml"), label_studio_config())

    def add(self, number: int, result: Result) -> None:
        """The result of the photo of this number, from 0."""
        if self._yolo:
            for kind, folder in YOLO_FOLDERS.items():
                self._write(self._yolo / folder / "labels" / f"{self._stems[number]}.txt", yolo_rows(kind, result))
        if self._tasks:
            task = json.dumps(label_studio_task(str(self._paths[number]), result))
            self._write(self._tasks, f"{',' if self._written else ''}\n{task}", "a")
        self._written += 1

    def __exit__(self, *_) -> None:
        if self._tasks:
            self._write(self._tasks, "\n]\n", "a")

    @staticmethod
    def _write(path: Path, text: str, mode: str = "w") -> None:
        with writing(f"{path} cannot be written", "choose a place that you may write to and that has room"):
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open(mode, encoding="utf-8", errors="backslashreplace", newline="") as file:
                file.write(text)
