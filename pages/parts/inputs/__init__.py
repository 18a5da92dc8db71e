"""How photos and videos come in."""
