"""Used by several pages."""
