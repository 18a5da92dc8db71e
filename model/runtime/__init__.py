"""From a photo to its landmarks: numpy, OpenCV and onnxruntime only. This is what an application uses."""
