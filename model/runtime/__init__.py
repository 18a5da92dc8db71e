"""From a photo's pixels to its landmarks, with numpy and OpenCV: the stages of the pipeline and their results."""
