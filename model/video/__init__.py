"""Video files: upright frames from a file, and the tracks of the hands and faces in them."""
