"""Videos on the upload page: analysed in slices, and their results."""
