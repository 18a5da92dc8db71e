"""The appearance of the pages: the header, the colours, the style sheets."""
