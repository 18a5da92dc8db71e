"""Another network's file, or the ZIP that "Teach" gives, made ready to be run by the app: prepared in a temporary folder unless it is already."""

import contextlib
import importlib.util
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from ..inference.network_file import WeightsError, digest
from ..inference.session import Session

MOST_BYTES = 500_000_000  # of a file in a ZIP; the released one has 6 MB
HOUSE = Path(__file__).parents[2]  # where export lies
EXTRA = 'Preparing a network needs the extra `train`: pip install "pointillist[train]".'


@contextlib.contextmanager
def ready(file: Path) -> Iterator[Path]:
    """The path of an ONNX file; the files prepared from it, for the server and browsers, are in place as long as the context is. Raises WeightsError."""
    file = file.absolute()
    if _is_prepared(file):
        yield file
        return
    digest(file)  # is it there?
    with tempfile.TemporaryDirectory(prefix="pointillist-") as folder:
        own = Path(folder) / f"{file.stem}.onnx"
        own.write_bytes(_network(file))
        prepare(own)
        yield own


def prepare(weights: Path) -> None:
    """Writes the prepared files beside this one, in a process of its own, for the app needs nothing of what that takes. Raises WeightsError."""
    if importlib.util.find_spec("onnx") is None:
        raise WeightsError(EXTRA)
    done = subprocess.run([sys.executable, "-m", "export.graph", str(weights)], cwd=HOUSE, capture_output=True, text=True)
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        raise WeightsError(lines[-1] if lines else f"The weights file {weights.name} cannot be prepared.")


def _is_prepared(file: Path) -> bool:
    try:
        Session(file)
    except WeightsError:
        return False
    return True


def _network(file: Path) -> bytes:
    """The ONNX file's content."""
    if not zipfile.is_zipfile(file):
        return file.read_bytes()
    try:
        with zipfile.ZipFile(file) as archive:
            networks = [entry for entry in archive.infolist() if entry.filename.endswith(".onnx")]
            if len(networks) != 1 or networks[0].file_size > MOST_BYTES:
                raise WeightsError(f"The ZIP {file.name} must hold one ONNX file, as the one that teaching a network gives.")
            return archive.read(networks[0])
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError) as error:  # encrypted ones raise RuntimeError
        if isinstance(error, WeightsError):
            raise
        raise WeightsError(f"The ZIP {file.name} is damaged or cannot be read.") from error
