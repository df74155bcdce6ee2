"""`python -m zfkeras.download NAME`: gets published data sets and networks."""

import dataclasses
import sys
from pathlib import Path

from zfkeras.cli import settings
from zfkeras.cli.command import Command
from zfkeras.data.published.finding import download_folder, model_path
from zfkeras.data.published.sets import DATA_SETS, NETWORKS, Published
from zfkeras.records import setting

_NAMES = [*DATA_SETS, *NETWORKS]


@dataclasses.dataclass(frozen=True, kw_only=True)
class DownloadSettings:
    """What is downloaded, and where to."""

    names: tuple[str, ...] = setting(
        flag="names",
        nargs="+",
        choices=_NAMES,
        metavar="NAME",
        help=f"what to download, one or several of: {', '.join(_NAMES)}",
    )
    to: Path | None = settings.a_folder(
        "folder of the data sets; --data NAME looks in another one if the environment "
        "variable ZFKERAS_DATA names it (default: ~/.cache/zfkeras/data)"
    )
    data: str | None = setting(
        None,
        metavar="SPEC",
        help="for zfnet512: labelled photographs of ImageNet's classes, such as "
        "imagenette, by which its preprocessing is chosen (default: none, and a usual "
        "preprocessing is assumed)",
    )


def download_all(settings: DownloadSettings) -> None:
    """Downloads each and says where it is."""
    from zfkeras.data.published.downloading import describe, download

    for name in dict.fromkeys(settings.names):
        if name in NETWORKS:
            print(describe(name, NETWORKS[name]), flush=True)
            path = download_network(name, NETWORKS[name], settings.data)
            print(f"--model {name} finds {path}")
        else:
            print(describe(name, DATA_SETS[name]), flush=True)
            paths = download(DATA_SETS[name], settings.to or download_folder())
            print(f"{name} is in {', '.join(map(str, paths))}")
            if settings.to not in (None, download_folder()):
                print(f"for --data {name}: export ZFKERAS_DATA={settings.to}")


def download_network(name: str, published: Published, data: str | None = None) -> Path:
    """Downloads a network of the ONNX model zoo and converts it; returns its path."""
    from zfkeras.conversion import converting
    from zfkeras.data.published.downloading import download
    from zfkeras.data.register import open_source

    converting.require_onnx()
    from zfkeras.conversion.choosing import choose_preprocessing

    source = open_source(data) if data else None
    output = model_path(name)
    (file,) = download(published, output.parent)
    chosen = choose_preprocessing(file, source, output.with_suffix(".candidates.json"))
    foreign = converting.read_foreign(file)
    converting.convert_to_keras(
        file, foreign, chosen.settings(), output, converting.Comparison()
    )
    return output


DOWNLOAD = Command(
    module="zfkeras.download",
    description="Download published data sets and networks, for --data NAME and "
    "--model NAME. The size is printed first and the checksum is verified. The same "
    "command continues a download that was interrupted (docs/data.md).",
    settings=DownloadSettings,
    work=download_all,
)
build_parser, main = DOWNLOAD.build_parser, DOWNLOAD.main

if __name__ == "__main__":
    sys.exit(main())
