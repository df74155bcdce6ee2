"""`python -m tests.campaigns.corruption`: flipped bits, lost ends, blank sectors.

Every kind of file that the project reads back is damaged at random and read as its
command reads it. What is read must be what was written, or nothing, with a line that
names the file. It starts no commands; everything happens in this process.
"""

import collections
import logging
import random
import re
import sys
from pathlib import Path

from tests.campaigns.arguments import campaign_parser
from tests.campaigns.kinds import KINDS, Kind
from zfkeras import commandline
from zfkeras.errors import RunError, UsageError


def build_parser():
    """The command's arguments."""
    return campaign_parser(
        "corruption",
        "Damage checkpoints, networks, features, heads, scans and records at random "
        "and read them again. Leaves corruption.json; exit code 1 if something else "
        "was read than was written, or a reader broke.",
        500,
        "damages of each kind of file",
        has_only=False,
    )


def main(argv=None) -> int:
    """Runs the campaign; returns its exit code."""
    return commandline.run(build_parser(), _campaign, argv)


def _campaign(args):
    from tqdm import tqdm

    from tests.campaigns.reporting import conclude

    commandline.make_folder(args.workdir)
    rows = [
        damage_often(kind, args.workdir / str(number), args.tries, args.seed)
        for number, kind in enumerate(tqdm(KINDS, "damage", unit=" kinds"))
    ]
    conclude(args.workdir / "corruption.json", "damaged files", rows)


def damage_often(kind: Kind, folder: Path, tries: int, seed: int = 0) -> dict:
    """Damages a file again and again and reads it.

    Args:
        kind: of the file.
        folder: for it.
        tries: how often.
        seed: of the damages.

    Returns:
        A row of the table: {"fault", "tries", "lost", "said", "detected", "harmless"}.
    """
    path = kind.write(folder)
    whole, expected = path.read_bytes(), kind.read(path)
    if expected is None:
        raise RuntimeError(f"{path} is not read before it is damaged")
    chance = random.Random(f"{seed} {kind.name}")
    lost, said, counts = [], collections.Counter(), collections.Counter()
    for number in range(tries):
        damage = chance.choice(DAMAGES)
        damaged = damage(whole, chance)
        if damaged == whole:
            continue
        path.write_bytes(damaged)
        name = f"{damage.__name__.strip('_')}, try {number}"
        try:
            found, lines = _read(kind, path)
        except Exception as err:
            lost.append(f"{kind.name}, {name}: {type(err).__name__}: {err}")
            continue
        # A file's description is told of by the name of the file.
        about = [line for line in lines if str(path.with_suffix("")) in line]
        if found not in (None, expected, kind.instead):
            lost.append(f"{kind.name}, {name}: something else was read")
        elif about:
            counts["detected"] += 1
            said[_plain(about[0], folder)] += 1
        elif found == expected:
            counts["harmless"] += 1
        else:
            lost.append(f"{kind.name}, {name}: nobody was told, but {lines}")
    path.write_bytes(whole)
    return {
        "fault": kind.name,
        "tries": counts.total() + len(lost),
        "lost": lost,
        "said": said.most_common(1),
        **{key: counts[key] for key in ("detected", "harmless")},
    }


def _read(kind: Kind, path: Path) -> tuple[object, list[str]]:
    """What is read, `None` for nothing, and what the user is told."""
    ears = _Ears()
    logger = logging.getLogger()
    logger.addHandler(ears)
    before, logger.propagate = logger.propagate, False
    others = [one for one in logger.handlers if one is not ears]
    for other in others:
        logger.removeHandler(other)
    try:
        return kind.read(path), ears.lines
    except (UsageError, RunError) as err:
        return None, [*ears.lines, str(err)]
    finally:
        logger.removeHandler(ears)
        logger.propagate = before
        for other in others:
            logger.addHandler(other)


class _Ears(logging.Handler):
    def __init__(self):
        super().__init__()
        self.lines = []

    def emit(self, record):
        self.lines.append(record.getMessage())


def _plain(line: str, folder: Path) -> str:
    """A line with the reason in general, and without the folder."""
    line = line.replace(str(folder), "DIR")
    return re.sub(r"\(.+\)", "(...)", line)


def _bit(content, chance):
    place = chance.randrange(len(content))
    changed = content[place] ^ 1 << chance.randrange(8)
    return content[:place] + bytes([changed]) + content[place + 1 :]


def _byte(content, chance):
    place = chance.randrange(len(content))
    return content[:place] + chance.randbytes(1) + content[place + 1 :]


def _several_bytes(content, chance):
    place, number = chance.randrange(len(content)), chance.randrange(2, 40)
    changed = chance.randbytes(min(number, len(content) - place))
    return content[:place] + changed + content[place + len(changed) :]


def _blank_sector(content, chance):
    start = 512 * chance.randrange(-(-len(content) // 512))
    number = min(512, len(content) - start)
    return content[:start] + bytes(number) + content[start + number :]


def _cut_short(content, chance):
    return content[: chance.randrange(len(content))]


def _last_byte_gone(content, chance):
    return content[:-1]


def _emptied(content, chance):
    return b""


def _something_behind(content, chance):
    return content + chance.randbytes(chance.randrange(1, 600))


def _byte_lost(content, chance):
    place = chance.randrange(len(content))
    return content[:place] + content[place + 1 :]


# A flipped bit is what happens, and what is hardest to notice.
DAMAGES = (
    *4 * (_bit,),
    *2 * (_byte,),
    _several_bytes,
    _blank_sector,
    *2 * (_cut_short,),
    _last_byte_gone,
    _emptied,
    _something_behind,
    _byte_lost,
)

if __name__ == "__main__":
    sys.exit(main())
