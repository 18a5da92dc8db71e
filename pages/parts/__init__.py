"""What the pages are put together from: one idea per module, none of them a page."""
