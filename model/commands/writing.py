"""What the system has against a file of the command line becomes one sentence."""

import contextlib
from collections.abc import Iterator

from ..photo.image_file import reason


class CannotWrite(RuntimeError):
    """What was to be written cannot be; its text is one plain sentence."""


@contextlib.contextmanager
def writing(what: str, advice: str) -> Iterator[None]:
    """A full disk, say, becomes one sentence that begins with `what` and ends with what to do."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise CannotWrite(f"{what} ({reason(error)}): {advice}.") from None
