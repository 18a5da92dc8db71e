"""What How it works explains: the stages, the layers, the questions."""
