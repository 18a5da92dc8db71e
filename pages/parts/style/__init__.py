"""How the pages look: the header, the colours, the style sheets."""
