"""The fields of Caffe's messages that a ZFNet-like network uses, by their numbers.

The numbers are those of Caffe's file format; a `LayerParameter` is the form since 2014,
a `V1LayerParameter` the one before.
"""

SHAPE = {1: ("dim", "int")}
BLOB = {
    1: ("num", "int"),
    2: ("channels", "int"),
    3: ("height", "int"),
    4: ("width", "int"),
    5: ("data", "float"),
    7: ("shape", SHAPE),
    8: ("double_data", "double"),
}
_CONVOLUTION = {
    1: ("num_output", "int"),
    2: ("bias_term", "int"),
    3: ("pad", "int"),
    4: ("kernel_size", "int"),
    5: ("group", "int"),
    6: ("stride", "int"),
    9: ("pad_h", "int"),
    10: ("pad_w", "int"),
    11: ("kernel_h", "int"),
    12: ("kernel_w", "int"),
    13: ("stride_h", "int"),
    14: ("stride_w", "int"),
    18: ("dilation", "int"),
}
_POOLING = {
    1: ("pool", "int"),
    2: ("kernel_size", "int"),
    3: ("stride", "int"),
    4: ("pad", "int"),
    5: ("kernel_h", "int"),
    6: ("kernel_w", "int"),
    7: ("stride_h", "int"),
    8: ("stride_w", "int"),
    9: ("pad_h", "int"),
    10: ("pad_w", "int"),
    12: ("global_pooling", "int"),
    13: ("round_mode", "int"),
}
_NORM = {
    1: ("local_size", "int"),
    2: ("alpha", "float"),
    3: ("beta", "float"),
    4: ("norm_region", "int"),
    5: ("k", "float"),
}
_INNER_PRODUCT = {
    1: ("num_output", "int"),
    2: ("bias_term", "int"),
    5: ("axis", "int"),
    6: ("transpose", "int"),
}
_DROPOUT = {1: ("dropout_ratio", "float")}
_RELU = {1: ("negative_slope", "float")}
_TRANSFORM = {
    1: ("scale", "float"),
    3: ("crop_size", "int"),
    4: ("mean_file", "string"),
    5: ("mean_value", "float"),
}
_INPUT = {1: ("shape", SHAPE)}

LAYER = {
    1: ("name", "string"),
    2: ("type", "string"),
    3: ("bottom", "string"),
    4: ("top", "string"),
    7: ("blobs", BLOB),
    100: ("transform_param", _TRANSFORM),
    106: ("convolution_param", _CONVOLUTION),
    108: ("dropout_param", _DROPOUT),
    117: ("inner_product_param", _INNER_PRODUCT),
    118: ("lrn_param", _NORM),
    121: ("pooling_param", _POOLING),
    123: ("relu_param", _RELU),
    143: ("input_param", _INPUT),
}
V1_LAYER = {
    1: ("layer", {}),
    2: ("bottom", "string"),
    3: ("top", "string"),
    4: ("name", "string"),
    5: ("type", "int"),
    6: ("blobs", BLOB),
    10: ("convolution_param", _CONVOLUTION),
    12: ("dropout_param", _DROPOUT),
    17: ("inner_product_param", _INNER_PRODUCT),
    18: ("lrn_param", _NORM),
    19: ("pooling_param", _POOLING),
    30: ("relu_param", _RELU),
    36: ("transform_param", _TRANSFORM),
}
NET = {
    1: ("name", "string"),
    2: ("layers", V1_LAYER),
    3: ("input", "string"),
    4: ("input_dim", "int"),
    8: ("input_shape", SHAPE),
    100: ("layer", LAYER),
}

# Kinds of layers: the number and the word of the old form -> the word of the new one.
V1_TYPES = {
    1: ("ACCURACY", "Accuracy"),
    4: ("CONVOLUTION", "Convolution"),
    5: ("DATA", "Data"),
    6: ("DROPOUT", "Dropout"),
    8: ("FLATTEN", "Flatten"),
    9: ("HDF5_DATA", "HDF5Data"),
    12: ("IMAGE_DATA", "ImageData"),
    14: ("INNER_PRODUCT", "InnerProduct"),
    15: ("LRN", "LRN"),
    17: ("POOLING", "Pooling"),
    18: ("RELU", "ReLU"),
    20: ("SOFTMAX", "Softmax"),
    21: ("SOFTMAX_LOSS", "SoftmaxWithLoss"),
    22: ("SPLIT", "Split"),
    24: ("WINDOW_DATA", "WindowData"),
    29: ("MEMORY_DATA", "MemoryData"),
    32: ("DUMMY_DATA", "DummyData"),
    36: ("SILENCE", "Silence"),
}
