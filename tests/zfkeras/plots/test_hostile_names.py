"""Names of strangers in pictures: text, never mathematics, and never an exception."""

import numpy as np
import pytest
from matplotlib.text import Text

from zfkeras.plots import new_figure, save_figure, show_image, subplots
from zfkeras.plots.predictions import draw_predictions

NAMES = [
    "<script>alert(1)</script>",
    r"$x^2$ $\frac{1}{0}$",
    r"$ \$ $\alpha",
    "{{ 7*7 }} %s {0} 100 %",
    "a|b\nc\r\td",
    "\x1b[31m\x00\x07\x9b",
    "\u202egnp.tac\u202c",
    "caf\udce9",
    "猫 \U0001f408 क्ष",
    "x" * 5000,
    "",
    "_hidden",
]


@pytest.mark.parametrize("name", NAMES, ids=[ascii(name)[:12] for name in NAMES])
def test_a_picture_takes_every_name(tmp_path, name):
    image = np.zeros((9, 9, 3), np.uint8)
    answers = [[(name, 0.5, True), (name, 0.25, False)]]
    draw_predictions([image], [name], answers, tmp_path / "p.png")
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")


def test_a_name_is_drawn_as_it_is_but_for_what_no_font_shows(tmp_path):
    figure = new_figure(3, 2, "t\udce9")
    axes = subplots(figure)[0, 0]
    show_image(axes, np.zeros((2, 2)), "i\u202e $x_2$")
    axes.set_xticks([0, 1], ["a\x1b", "b"], rotation=90, fontsize=5)
    axes.plot([0, 1], label="l\x00")
    axes.legend()
    save_figure(figure, tmp_path / "a.png")
    texts = {text.get_text() for text in figure.findobj(Text)} - {""}
    assert {r"t\udce9", r"i\u202e $x_2$", r"a\x1b", "b", r"l\x00"} <= texts
    ticks = axes.get_xticklabels()
    assert [(t.get_rotation(), t.get_fontsize()) for t in ticks] == [(90, 5)] * 2
