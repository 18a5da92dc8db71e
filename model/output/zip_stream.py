"""A ZIP that is handed on piece by piece while it is written."""

import io


class Window(io.BytesIO):
    """The end of the file that a ZipFile writes, of which the beginning is taken away: it goes back into its last entry only."""

    _begins = 0

    def tell(self) -> int:
        """The place in the whole stream."""
        return self._begins + super().tell()

    def seek(self, place: int, whence: int = io.SEEK_SET) -> int:
        """Goes to a place of the whole stream."""
        return self._begins + super().seek(place - self._begins if whence == io.SEEK_SET else place, whence)

    def taken(self) -> bytes:
        """What has been written since the last call."""
        piece = self.getvalue()
        self._begins += len(piece)
        super().seek(0)
        self.truncate(0)
        return piece
