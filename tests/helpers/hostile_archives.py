"""Archives that no one packs by accident."""

import io
import random
import struct
import tarfile
import zipfile
from pathlib import Path


def tar_member(name: str, size: int = 0, kind: bytes = tarfile.REGTYPE, target=""):
    """The header of a tar's member."""
    member = tarfile.TarInfo(name)
    member.size, member.type, member.linkname = size, kind, target
    return member


def tar_with(path: Path, members: dict[str, bytes], *blocks: bytes) -> Path:
    """A tar of files, then headers as given, then its end."""
    sound = tar_of(members).rstrip(b"\0") if members else b""
    sound += bytes(-len(sound) % 512)
    path.write_bytes(sound + b"".join(blocks) + bytes(1024))
    return path


def header(name: str, size: int, kind: bytes = tarfile.REGTYPE) -> bytes:
    """A tar header that claims a size, a negative one too."""
    block = bytearray(tar_member(name, 0, kind).tobuf(tarfile.GNU_FORMAT))
    block[124:136] = (size % 2**96).to_bytes(12, "big")  # base 256
    block[124] = 0x80 if size >= 0 else 0xFF
    block[148:156] = b" " * 8
    block[148:156] = f"{sum(block):06o}\0 ".encode()
    return bytes(block)


def patched_zip(path: Path, name: str, **fields: int) -> Path:
    """Changes what a zip says of a member, in both its headers."""
    places = {
        "flags": (6, 8, "<H"),
        "method": (8, 10, "<H"),
        "file_size": (22, 24, "<I"),
    }
    with zipfile.ZipFile(path) as archive:
        local = archive.getinfo(name).header_offset
    data = bytearray(path.read_bytes())
    central = data.rindex(b"PK\1\2", 0, data.rindex(name.encode()))
    for field, value in fields.items():
        at_local, at_central, form = places[field]
        struct.pack_into(form, data, local + at_local, value)
        struct.pack_into(form, data, central + at_central, value)
    path.write_bytes(data)
    return path


def mutated(data: bytes, rng: random.Random) -> bytes:
    """An archive with random harm done to it, mostly to what stands around the data."""
    made = bytearray(data)
    heads = [i for i in range(0, len(made), 512)]
    heads += [i for i in range(len(made)) if made[i : i + 2] == b"PK"]
    for _ in range(rng.choice([1, 1, 2, 5])):
        at = min(rng.choice(heads) + rng.randrange(160), len(made) - 1)
        match rng.randrange(5):
            case 0:
                made[at] = rng.choice([0, 1, 48, 55, 127, 128, 255])
            case 1:
                made[at] ^= 1 << rng.randrange(8)
            case 2:
                made[at : at + rng.randrange(1, 9)] = rng.randbytes(rng.randrange(1, 9))
            case 3:
                made[at : at + 4] = struct.pack("<I", rng.choice([0, 2**31, 2**32 - 1]))
            case 4 if rng.random() < 0.3:
                del made[max(at, 30) :]
        if len(made) < 40:
            break
    return bytes(made)


def tar_of(members: dict[str, bytes], more=()) -> bytes:
    """A tar of files, and headers of what is none."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, content in members.items():
            archive.addfile(tar_member(name, len(content)), io.BytesIO(content))
        for member in more:
            archive.addfile(member)
    return file.getvalue()
