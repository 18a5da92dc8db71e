"""The command line, and results for very many photos."""
