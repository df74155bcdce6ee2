"""The messages of Caffe's files, as far as a ZFNet-like network uses them.

Field numbers and defaults are those of Caffe's public file format. A `Layer` is the
form since 2014, a `V1Layer` the one before.
"""

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto

_PACKAGE = "zfkeras.caffe"
# Enumeration -> value -> number. An unknown number reads as the default, as in Caffe.
_ENUMS = {
    "Pool": {"MAX": 0, "AVE": 1, "STOCHASTIC": 2},
    "Round": {"CEIL": 0, "FLOOR": 1},
    "Region": {"ACROSS_CHANNELS": 0, "WITHIN_CHANNEL": 1},
    "LayerType": {
        "NONE": 0,
        "ACCURACY": 1,
        "CONVOLUTION": 4,
        "DATA": 5,
        "DROPOUT": 6,
        "FLATTEN": 8,
        "HDF5_DATA": 9,
        "IMAGE_DATA": 12,
        "INNER_PRODUCT": 14,
        "LRN": 15,
        "POOLING": 17,
        "RELU": 18,
        "SIGMOID": 19,
        "SOFTMAX": 20,
        "SOFTMAX_LOSS": 21,
        "SPLIT": 22,
        "TANH": 23,
        "WINDOW_DATA": 24,
        "MEMORY_DATA": 29,
        "DUMMY_DATA": 32,
        "SILENCE": 36,
    },
}
# Message -> fields: "number name type default", with "*" behind the type of a repeated
# one. Sizes are repeated everywhere, so that both kinds of windows are read alike.
_MESSAGES = {
    "Shape": ["1 dim int64*"],
    "Blob": [
        "1 num int32 0",
        "2 channels int32 0",
        "3 height int32 0",
        "4 width int32 0",
        "5 data float*",
        "7 shape Shape",
        "8 double_data double*",
    ],
    "Convolution": [
        "2 bias_term bool true",
        "3 pad uint32*",
        "4 kernel_size uint32*",
        "5 group uint32 1",
        "6 stride uint32*",
        "9 pad_h uint32",
        "10 pad_w uint32",
        "11 kernel_h uint32",
        "12 kernel_w uint32",
        "13 stride_h uint32",
        "14 stride_w uint32",
        "18 dilation uint32*",
    ],
    "Pooling": [
        "1 pool Pool MAX",
        "2 kernel_size uint32*",
        "3 stride uint32*",
        "4 pad uint32*",
        "5 kernel_h uint32",
        "6 kernel_w uint32",
        "7 stride_h uint32",
        "8 stride_w uint32",
        "9 pad_h uint32",
        "10 pad_w uint32",
        "12 global_pooling bool false",
        "13 round_mode Round CEIL",
    ],
    "Norm": [
        "1 local_size uint32 5",
        "2 alpha float 1",
        "3 beta float 0.75",
        "4 norm_region Region ACROSS_CHANNELS",
        "5 k float 1",
    ],
    "InnerProduct": ["2 bias_term bool true", "6 transpose bool false"],
    "Dropout": ["1 dropout_ratio float 0.5"],
    "Relu": ["1 negative_slope float 0"],
    "Transform": ["1 scale float 1", "3 crop_size uint32 0", "5 mean_value float*"],
    "Input": ["1 shape Shape*"],
    "Layer": [
        "1 name string",
        "2 type string",
        "3 bottom string*",
        "4 top string*",
        "7 blobs Blob*",
        "100 transform_param Transform",
        "106 convolution_param Convolution",
        "108 dropout_param Dropout",
        "117 inner_product_param InnerProduct",
        "118 lrn_param Norm",
        "121 pooling_param Pooling",
        "123 relu_param Relu",
        "143 input_param Input",
    ],
    "V0Layer": [],
    "V1Layer": [
        "1 layer V0Layer",
        "2 bottom string*",
        "3 top string*",
        "4 name string",
        "5 type LayerType NONE",
        "6 blobs Blob*",
        "10 convolution_param Convolution",
        "12 dropout_param Dropout",
        "17 inner_product_param InnerProduct",
        "18 lrn_param Norm",
        "19 pooling_param Pooling",
        "30 relu_param Relu",
        "36 transform_param Transform",
    ],
    "Net": [
        "2 layers V1Layer*",
        "4 input_dim int32*",
        "8 input_shape Shape*",
        "100 layer Layer*",
    ],
}


def _message_classes() -> dict[str, type]:
    """Protobuf's classes for the tables above, by name."""
    file = FileDescriptorProto(name="zfkeras/caffe.proto", package=_PACKAGE)
    for name, values in _ENUMS.items():
        enum = file.enum_type.add(name=name)
        for value, number in values.items():
            enum.value.add(name=value, number=number)
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for text in fields:
            _add_field(message, *text.split())
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(
            pool.FindMessageTypeByName(f"{_PACKAGE}.{name}")
        )
        for name in _MESSAGES
    }


def _add_field(message, number, name, kind, default="") -> None:
    field = message.field.add(name=name, number=int(number), default_value=default)
    is_repeated = kind.endswith("*")
    kind = kind.removesuffix("*")
    field.label = (
        FieldDescriptorProto.LABEL_REPEATED
        if is_repeated
        else FieldDescriptorProto.LABEL_OPTIONAL
    )
    if kind in _MESSAGES or kind in _ENUMS:
        field.type_name = f".{_PACKAGE}.{kind}"
        kind = "message" if kind in _MESSAGES else "enum"
    field.type = getattr(FieldDescriptorProto, f"TYPE_{kind.upper()}")
    if not default:
        field.ClearField("default_value")


_CLASSES = _message_classes()
Blob = _CLASSES["Blob"]
Net = _CLASSES["Net"]
Transform = _CLASSES["Transform"]
