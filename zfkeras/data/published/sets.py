"""The table of published data sets and networks: addresses, sizes, checksums, names.

Sizes and checksums are those of the files as published; docs/data.md says where each
was looked up.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class PublishedFile:
    """One file as its authors publish it."""

    name: str
    url: str
    size: int
    checksum: str


@dataclasses.dataclass(frozen=True)
class Published:
    """A data set or network that can be downloaded."""

    title: str
    licence: str
    files: tuple[PublishedFile, ...]
    prefix: str = ""
    places: tuple[str, ...] = ()
    tfds: str | None = None

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(file.size for file in self.files)


_VOC = "http://host.robots.ox.ac.uk/pascal/VOC"
_VOC_LICENCE = "photographs under Flickr's terms, for research"
_IMAGENET_LICENCE = "ImageNet's terms: non-commercial research"

#: Name of a data set, as `--data NAME` takes it -> where it comes from.
DATA_SETS: dict[str, Published] = {
    "caltech101": Published(
        title="Caltech-101, 9,144 photographs of 101 categories and a background",
        licence="CC BY 4.0",
        files=(
            PublishedFile(
                name="caltech-101.zip",
                url="https://data.caltech.edu/records/mzrjq-6wc02/files/"
                "caltech-101.zip?download=1",
                size=137_414_764,
                checksum="sha256:331234750fc7f77520e50d9565e8b690"
                "7b03565e30320da1401130db08c61f91",
            ),
        ),
        prefix="caltech101",
        places=(
            "101_ObjectCategories",
            "caltech-101",
            "caltech-101.zip",
            "101_ObjectCategories.tar.gz",
        ),
        tfds="caltech101",
    ),
    "caltech256": Published(
        title="Caltech-256, 30,607 photographs of 256 categories and a background",
        licence="CC BY 4.0",
        files=(
            PublishedFile(
                name="256_ObjectCategories.tar",
                url="https://data.caltech.edu/records/nyy15-4j048/files/"
                "256_ObjectCategories.tar?download=1",
                size=1_183_006_720,
                checksum="md5:67b4f42ca05d46448c6bb8ecd2220f6d",
            ),
        ),
        prefix="caltech256",
        places=(
            "256_ObjectCategories",
            "caltech-256",
            "256_ObjectCategories.tar",
            "caltech-256*.zip",
        ),
    ),
    "voc2007": Published(
        title="PASCAL VOC 2007, 9,963 photographs of 20 classes, the test labelled",
        licence=_VOC_LICENCE,
        files=(
            PublishedFile(
                name="VOCtrainval_06-Nov-2007.tar",
                url=f"{_VOC}/voc2007/VOCtrainval_06-Nov-2007.tar",
                size=460_032_000,
                checksum="sha256:7d8cd951101b0957ddfd7a530bdc8a94"
                "f06121cfc1e511bb5937e973020c7508",
            ),
            PublishedFile(
                name="VOCtest_06-Nov-2007.tar",
                url=f"{_VOC}/voc2007/VOCtest_06-Nov-2007.tar",
                size=451_020_800,
                checksum="sha256:6836888e2e01dca84577a849d339fa4f"
                "73e1e4f135d312430c4856b5609b4892",
            ),
        ),
        prefix="voc2007",
        places=(
            "VOC2007",
            "VOCdevkit/VOC2007",
            "VOCtrainval_06-Nov-2007.tar",
            "voc2007*.zip",
        ),
        tfds="voc/2007",
    ),
    "voc2012": Published(
        title="PASCAL VOC 2012, 11,540 labelled photographs of 20 classes",
        licence=_VOC_LICENCE,
        files=(
            PublishedFile(
                name="VOCtrainval_11-May-2012.tar",
                url=f"{_VOC}/voc2012/VOCtrainval_11-May-2012.tar",
                size=1_999_639_040,
                checksum="sha256:e14f763270cf193d0b5f74b169f44157"
                "a4b0c6efa708f4dd0ff78ee691763bcb",
            ),
        ),
        prefix="voc2012",
        places=(
            "VOC2012",
            "VOCdevkit/VOC2012",
            "VOCtrainval_11-May-2012.tar",
            "voc2012*.zip",
        ),
        tfds="voc/2012",
    ),
    "tiny-imagenet": Published(
        title="Tiny ImageNet, 110,000 photographs of 200 classes at 64x64 pixels",
        licence=_IMAGENET_LICENCE,
        files=(
            PublishedFile(
                name="tiny-imagenet-200.zip",
                url="http://cs231n.stanford.edu/tiny-imagenet-200.zip",
                size=248_100_043,
                checksum="md5:90528d7ca1a48142e341f4ef8d21d0de",
            ),
        ),
        prefix="tiny-imagenet",
        places=(
            "tiny-imagenet-200",
            "tiny-imagenet-200.zip",
            "tiny-imagenet-200*.zip",
        ),
    ),
    "imagenette": Published(
        title="Imagenette, 13,394 photographs of 10 ImageNet classes, 320 pixels",
        licence=_IMAGENET_LICENCE,
        files=(
            PublishedFile(
                name="imagenette2-320.tgz",
                url="https://s3.amazonaws.com/fast-ai-imageclas/imagenette2-320.tgz",
                size=341_663_724,
                checksum="sha256:569b4497c98db6dd29f335d1f109cf31"
                "5fe127053cedf69010d047f0188e158c",
            ),
        ),
        prefix="folder",
        places=("imagenette2-320", "imagenette2-320.tgz"),
        tfds="imagenette/320px-v2",
    ),
}

#: Name of a network, as `--model NAME` takes it -> where it comes from.
NETWORKS: dict[str, Published] = {
    "zfnet512": Published(
        title="ZFNet-512 of the ONNX model zoo, trained on ImageNet's 1,000 classes",
        licence="MIT; trained on ImageNet: non-commercial research",
        files=(
            PublishedFile(
                name="zfnet512-12.onnx",
                url="https://huggingface.co/onnxmodelzoo/legacy_models/resolve/main/"
                "validated/vision/classification/zfnet-512/model/zfnet512-12.onnx",
                size=349_005_501,
                checksum="sha256:c975ca6a24c0a2e1584c6f82667e0ac9"
                "c06084fc7769d267f71b4a154d1f1c72",
            ),
        ),
    ),
}


def in_megabytes(size: int) -> str:
    """Writes a size for people, such as "137 MB" or "2,000 MB"."""
    return f"{size / 1e6:,.0f} MB"
