from __future__ import annotations

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QPushButton

from napari_dip.gui.widgets.cards import Advice, Cards, Fix, shortened


@pytest.fixture
def cards(qtbot):
    cards = Cards("messages")
    qtbot.addWidget(cards)
    return cards


@pytest.mark.parametrize(
    ("text", "short"),
    [
        pytest.param(
            "It is smooth (1.02). Why. Use tiles.", ("It is smooth (1.02).", "Use tiles.")
        ),
        pytest.param("Nothing was done. All pixels stay.", ("Nothing was done.", "")),
        pytest.param("One sentence", ("One sentence", "")),
        pytest.param("Got 1; expected 2. Choose 2.", ("Got 1; expected 2.", "Choose 2.")),
    ],
)
def test_card_has_what_happened_and_what_to_do(text, short):
    assert shortened(text) == short


def test_card_emphasises_what_to_do_and_has_all_of_it_as_tooltip(cards):
    text = "The PSF is <small>. It has noise. Try another."
    cards.show_advice(Advice(text))
    (label,) = cards.findChildren(QLabel)
    assert label.text() == "The PSF is &lt;small&gt;. <b>Try another.</b>"
    assert label.parentWidget().toolTip() == text
    assert cards.text == text


def test_button_of_a_card_does_what_it_says(cards, qtbot):
    done = []
    cards.show_advice(Advice("No. Do it.", [Fix("Do it", lambda: done.append(True))]))
    button = cards.findChild(QPushButton, "fix")
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert done == [True]


def test_button_may_replace_its_own_card(cards, qtbot):
    cards.show_advice(Advice("No.", [Fix("Do it", lambda: cards.show_advice(Advice("Done.")))]))
    qtbot.mouseClick(cards.findChild(QPushButton, "fix"), Qt.MouseButton.LeftButton)
    assert cards.text == "Done."


def test_no_message_hides_the_cards(cards):
    cards.show_advice(Advice("First."))
    assert not cards.isHidden()
    cards.show_advice()
    assert cards.isHidden()
    assert cards.text == ""
