"""The training run: configuration, step, schedule, checkpoints and the loop."""

from zfkeras.io.extras import check_backend

check_backend()
