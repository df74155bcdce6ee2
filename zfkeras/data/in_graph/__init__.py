"""What is done to batches of images in TensorFlow's graph, without Python."""
