"""Networks read from Caffe's files, by protobuf."""
