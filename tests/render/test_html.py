"""HTML page of a result."""

from __future__ import annotations

import re
from base64 import b64decode
from html.parser import HTMLParser
from io import BytesIO

import numpy as np
import pytest
from matplotlib.image import imread

from napari_dip.config import DipConfig
from napari_dip.core.image.image import as_image
from napari_dip.render.figure import Curve
from napari_dip.render.html import save_page
from tests.gui.conftest import make_report
from tests.tiny import noisy_waves, waves


def page(tmp_path, *pictures, recipes=None, **changes):
    report = make_report(as_image(waves()), DipConfig(max_iterations=9), 5, "held_out_minimum")
    file = tmp_path / "page.html"
    curve = Curve([1, 2], [3.0, 2.0], [4.0, 3.0], [np.nan, np.nan], 2)
    save_page(file, report.model_copy(update=changes), *pictures, curve, recipes)
    return file.read_text(encoding="utf-8")


def figure(text):
    found = re.search(r"data:image/png;base64,([^\"]+)", text)
    return imread(BytesIO(b64decode(found.group(1))))


class Tags(HTMLParser):
    """Parser that collects references and checks that every tag is closed."""

    def __init__(self, text):
        super().__init__()
        self.open, self.refers = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag not in ("meta", "img"):
            self.open.append(tag)
        self.refers += [value for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_page_needs_no_other_file(tmp_path):
    tags = Tags(page(tmp_path, noisy_waves(), waves(), recipes={"Python": "a < b"}))
    assert tags.open == []
    assert [one[:15] for one in tags.refers] == ["data:image/png;"]


def test_page_has_summary_settings_and_recipes(tmp_path):
    warning = "Lost <b>puncta</b>."
    text = page(tmp_path, noisy_waves(), waves(), recipes={"Python": "a < b"}, warnings=(warning,))
    assert "Stopped at 5 of 9" in text
    assert "<td>preset</td><td>balanced</td>" in text
    assert "<h3>Python</h3>\n<pre>a &lt; b</pre>" in text
    assert "Warning: Lost &lt;b&gt;puncta&lt;/b&gt;." in text
    assert "chosen by hand" not in text


def test_states_an_iteration_chosen_by_hand(tmp_path):
    text = page(tmp_path, None, waves(), recipes={"Python": "1"}, selected_by="user")
    assert "chosen by hand" in text


@pytest.mark.parametrize(
    ("observation", "restored", "size"),
    [
        pytest.param(noisy_waves(), waves(), (800, 800), id="grey"),
        pytest.param(np.dstack([waves()] * 3), np.dstack([waves()] * 3), (800, 800), id="RGB"),
        pytest.param(waves((32, 32)), waves(), (800, 800), id="enlarged"),
        pytest.param(None, waves(), (400, 800), id="alone"),
    ],
)
def test_page_figure_shows_available_images(tmp_path, observation, restored, size):
    pixels = figure(page(tmp_path, observation, restored))
    assert pixels.shape[:2] == size
    for row in np.array_split(pixels, size[0] // 400):
        assert np.ptp(row[:, :400, :3]) > 0.5  # not blank
