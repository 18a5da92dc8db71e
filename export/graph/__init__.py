"""ONNX in, ONNX out: each step that prepares the graph."""
