"""Videos on the upload page: looked at in slices, and their results."""
