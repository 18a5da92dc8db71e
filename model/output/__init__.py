"""From a result to pictures and files."""
