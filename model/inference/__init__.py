"""The network: its file, and onnxruntime that runs it."""
