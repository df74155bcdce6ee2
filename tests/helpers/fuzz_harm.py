"""Harm done to image files, each of it decided by a seed and a number.

The same seed, number and sound files always give the same file, so whatever a campaign
finds can be made again.
"""

import dataclasses
import random
import re
import struct
from collections.abc import Mapping, Sequence

from tests.helpers.fuzz_seeds import ENDINGS, KINDS
from tests.helpers.fuzz_structure import mended_png, parts, sizes
from tests.helpers.image_bombs import LIGHT

_EXTREME = (0, 1, 2, 127, 128, 255, 256, 32767, 32768, 65535, 2**31 - 1, 2**31, 2**32)
_OTHER_ENDINGS = (*ENDINGS.values(), ".JPEG", ".txt", "")


@dataclasses.dataclass(frozen=True)
class Fuzzed:
    """A file that has been harmed.

    Args:
        kind: its format, before.
        harm: what was done, in order.
        ending: what its name ends with.
        data: its content.
    """

    kind: str
    harm: str
    ending: str
    data: bytes


def fuzzed(number: int, seed: int, sound: Mapping[str, Sequence[bytes]]) -> Fuzzed:
    """Makes the file of a number.

    Args:
        number: from 0; formats take turns, and one in twenty is a bomb.
        seed: of the campaign.
        sound: format -> files, as `sound_files` makes them.
    """
    rng = random.Random(f"{seed} {number}")
    kind = KINDS[number % len(KINDS)]
    if rng.random() < 0.05:
        name = rng.choice(sorted(LIGHT))
        kind, data = LIGHT[name]()
        harm = [name]
        if rng.random() < 0.5:
            data, harm = _flipped(rng, kind, data, sound), [name, "bits"]
        return Fuzzed(kind, ", ".join(harm), ENDINGS[kind], data)
    data = rng.choice(sound[kind])
    harm = rng.choices(sorted(HARM), k=rng.choice([1, 1, 1, 2, 3]))
    for name in harm:
        data = HARM[name](rng, kind, data, sound)
    # Without this hardly any harm would come past the checksums.
    if kind == "PNG" and rng.random() < 0.7:
        data = mended_png(data)
    ending = ENDINGS[kind]
    if rng.random() < 0.1:
        ending = rng.choice(_OTHER_ENDINGS)
        harm = [*harm, "other ending"]
    return Fuzzed(kind, ", ".join(harm), ending, data)


def _place(rng, data):
    """Half of the harm goes to the headers, where most can break."""
    return rng.randrange(rng.choice([min(len(data), 120), len(data)]) or 1)


def _flipped(rng, kind, data, sound):
    made = bytearray(data)
    for _ in range(rng.choice([1, 2, 8, 64])):
        if made:
            made[_place(rng, made)] ^= 1 << rng.randrange(8)
    return bytes(made)


def _overwritten(rng, kind, data, sound):
    at, length = _place(rng, data), rng.choice([1, 2, 4, 16, 300])
    content = rng.choice(
        [bytes(length), b"\xff" * length, rng.randbytes(length), b"\x80" * length]
    )
    return data[:at] + content + data[at + length :]


def _inserted(rng, kind, data, sound):
    at, length = _place(rng, data), rng.choice([1, 3, 64, 5000])
    return data[:at] + rng.choice([bytes(length), rng.randbytes(length)]) + data[at:]


def _truncated(rng, kind, data, sound):
    return data[: rng.choice([_place(rng, data), len(data) - rng.randrange(1, 40)])]


def _without_part(rng, kind, data, sound):
    cut = parts(kind, data)
    if cut:
        del cut[rng.randrange(len(cut))]
    return b"".join(cut)


def _doubled_part(rng, kind, data, sound):
    cut = parts(kind, data)
    if cut:
        at = rng.randrange(len(cut))
        times = rng.choice([1, 1, 2, 50])
        cut[rng.randrange(len(cut)) : 0] = [cut[at]] * times
    return b"".join(cut)


def _shuffled_parts(rng, kind, data, sound):
    cut = parts(kind, data)
    rest = cut[1:]
    rng.shuffle(rest)
    return b"".join([*cut[:1], *rest])


def _wrong_size(rng, kind, data, sound):
    places = sizes(kind, data)
    if not places:
        wrong = str(rng.choice(_EXTREME)).encode()
        return re.sub(rb"\d+(?=\s)", wrong, data, count=rng.randrange(1, 4))
    at, form = rng.choice(places)
    old = struct.unpack_from(form, data, at)[0]
    new = rng.choice([*_EXTREME, old - 1, old + 1, 2 * old, old // 2])
    made = bytearray(data)
    struct.pack_into(form, made, at, new % 256 ** struct.calcsize(form))
    return bytes(made)


def _spliced(rng, kind, data, sound):
    other = rng.choice(sound[rng.choice([kind, rng.choice(KINDS)])])
    return data[: _place(rng, data)] + other[_place(rng, other) :]


def _other_begin(rng, kind, data, sound):
    other = rng.choice(sound[rng.choice(KINDS)])
    length = rng.choice([4, 8, 16, 64])
    return other[:length] + data[length:]


def _block(kind, name, content):
    """A part that holds EXIF data or a profile, as the format wants it."""
    if kind == "JPEG":
        begin = b"" if name == "exif" else b"ICC_PROFILE\0\1\1"
        body = (begin + content)[:65_000]
        marker = b"\xff\xe1" if name == "exif" else b"\xff\xe2"
        return marker + struct.pack(">H", len(body) + 2) + body
    if kind == "PNG":
        tag = b"eXIf" if name == "exif" else b"iCCP"
        return struct.pack(">I", len(content)) + tag + content + bytes(4)
    tag = b"EXIF" if name == "exif" else b"ICCP"
    return tag + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


def _broken_exif(rng, kind, data, sound):
    entries = b"".join(
        struct.pack(
            "<HHII",
            rng.choice([0x0112, 0x0128, 0x8769, 0x8825, 0x02BC, rng.randrange(65536)]),
            rng.choice([1, 2, 3, 4, 5, 7, 12, 13, 0, 999]),
            rng.choice(_EXTREME) % 2**32,
            rng.choice([0, 8, 10, 2**31, rng.randrange(2**32)]),
        )
        for _ in range(rng.randrange(6))
    )
    start = rng.choice([8, 8, 8, 0, 4, 2**31])
    count = rng.choice([len(entries) // 12, 65535, 0])
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", start, count) + entries
    return _with_block(rng, kind, data, _block(kind, "exif", exif))


def _broken_profile(rng, kind, data, sound):
    length = rng.choice([0, 1, 127, 128, 3000])
    profile = rng.choice([rng.randbytes(length), bytes(length), b"name\0\0\x78\x9c"])
    return _with_block(rng, kind, data, _block(kind, "icc", profile))


def _with_block(rng, kind, data, block):
    if kind not in ("JPEG", "PNG", "WEBP"):
        return _flipped(rng, kind, data, {})
    cut = parts(kind, data)
    cut.insert(min(len(cut), rng.choice([1, 1, 2, 3])), block)
    made = b"".join(cut)
    return mended_png(made) if kind == "PNG" else made


def _emptied(rng, kind, data, sound):
    return rng.choice([b"", data[:1], data[:4], bytes(len(data))])


HARM = {
    "bits": _flipped,
    "bytes": _overwritten,
    "insertion": _inserted,
    "truncation": _truncated,
    "part removed": _without_part,
    "part doubled": _doubled_part,
    "parts shuffled": _shuffled_parts,
    "wrong size": _wrong_size,
    "wrong size again": _wrong_size,
    "splice": _spliced,
    "other begin": _other_begin,
    "EXIF": _broken_exif,
    "ICC": _broken_profile,
    "nothing left": _emptied,
}
