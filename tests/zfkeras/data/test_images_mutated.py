"""Files with random harm done to them, decoded by one thread and by several."""

import random
import struct
import threading
import zlib

from tests.helpers.pictures import encoded, picture
from zfkeras.data.bad_images import BadImage
from zfkeras.data.images import decode


def mutations(count, seed):
    """Files of every format with bytes changed, cut out, doubled or the end cut off."""
    rng = random.Random(seed)
    image = picture(48, 40)
    exif = b"Exif\0\0MM\0*" + struct.pack(">IHHHIHH", 8, 1, 0x0112, 3, 1, 6, 0)
    frames = [image.rotate(90 * i) for i in range(3)]
    animated = {"save_all": True, "append_images": frames}
    files = [
        encoded(image, "JPEG", exif=exif),
        encoded(image, "JPEG", progressive=True),
        encoded(image.convert("CMYK"), "JPEG"),
        encoded(image, "PNG", exif=exif),
        encoded(image.quantize(), "PNG", transparency=bytes(range(200))),
        encoded(image.convert("L"), "PNG", transparency=7),
        encoded(image, "PNG", **animated),
        encoded(image, "GIF", **animated, transparency=3),
        encoded(image, "BMP"),
        encoded(image.quantize(), "BMP"),
        encoded(image, "WEBP", exif=exif),
        encoded(image.convert("RGBA"), "WEBP", lossless=True, **animated),
        encoded(image, "TIFF", compression="tiff_lzw"),
        encoded(image, "PPM"),
    ]
    for index in range(count):
        data = bytearray(files[index % len(files)])
        for _ in range(rng.choice([1, 1, 2, 5, 20])):
            if len(data) < 20:
                break
            # Half of the harm goes to the headers, where most can break.
            at = rng.randrange(rng.choice([min(len(data), 120), len(data)]))
            match rng.randrange(5):
                case 0 | 1:
                    data[at] = rng.choice(
                        [0, 1, 127, 128, 254, 255, rng.randrange(256)]
                    )
                case 2:
                    del data[at : at + rng.randrange(1, 9)]
                case 3:
                    data[at:at] = data[at : at + rng.randrange(1, 40)]
                case 4 if rng.random() < 0.3:
                    del data[max(at, 16) :]
        yield bytes(data)


def outcome(data):
    """What `decode` makes of a file: the pixels, or the reason. All else passes on."""
    try:
        image = decode(data)
    except BadImage as err:
        return str(err)
    return image.mode, image.size, zlib.crc32(image.tobytes())


def test_mutated_files_decode_or_are_bad_and_nothing_else():
    outcomes = [outcome(data) for data in mutations(420, seed=1)]
    bad = [reason for reason in outcomes if isinstance(reason, str)]
    # Both must occur in plenty, or the mutations prove little.
    assert 60 < len(bad) < 360
    assert all(len(reason) < 60 and reason.isprintable() for reason in bad)


def test_threads_see_what_one_thread_sees():
    files = list(mutations(300, seed=2))
    expected = [outcome(data) for data in files]
    seen = [None] * 4

    def work(place):
        # Each begins elsewhere, so that different formats meet.
        order = [(75 * place + i) % len(files) for i in range(len(files))]
        seen[place] = {i: outcome(files[i]) for i in order}

    threads = [threading.Thread(target=work, args=(place,)) for place in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [dict(enumerate(expected))] * 4
