"""Optics of a deconvolution: of the user, of the file, and defaults."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_dip.core.image.acquisition import Acquisition, ChannelOptics
from napari_dip.core.image.image import Image
from napari_dip.core.operators.psf.microscope import Setup, microscope_psf
from napari_dip.core.tasks import Deconvolve
from napari_dip.core.tasks.optics import GivenOptics, find_optics
from napari_dip.errors import InputError
from tests.core.tasks.conftest import run
from tests.tiny import tiny_config, waves

FILE = Acquisition(1.2, 1.33, (ChannelOptics(0.52, 0.488, "confocal"),))
IMAGE = Image(waves((24, 20)), "YX", {"Y": 0.1, "X": 0.1}, acquisition=FILE)


def psf(**values):
    return Deconvolve(**values).fitting_psf(IMAGE, "YX")


def test_file_gives_the_whole_psf():
    setup = Setup(1.2, 1.33, "confocal", 0.52, 0.488, 1.0)
    np.testing.assert_array_equal(psf(), microscope_psf(setup, (0.1, 0.1)))


def test_report_says_which_optics_come_from_the_file():
    report = run(IMAGE, Deconvolve(na=1.1, pinhole=0.8), tiny_config(2)).report
    (sentence,) = [text for text in report.warnings if "from the file" in text]
    for words in ("emission 0.52 µm", "excitation 0.488 µm", "confocal", "index 1.33"):
        assert words in sentence
    assert "NA" not in sentence
    assert not any("pinhole" in text for text in report.warnings)


def test_user_comes_before_the_file():
    found = find_optics(GivenOptics(1.0, 0.6, refractive_index=1.4, microscope="widefield"), FILE)
    assert found.setup == Setup(1.0, 1.4, "widefield", 0.6)
    assert found.remarks == ()


@pytest.mark.parametrize("values", [{"sigma": 1.5}, {"psf": np.ones((3, 3))}])
def test_other_psf_of_the_user_comes_before_the_optics_of_the_file(values):
    task = Deconvolve(**values)
    assert not task.computed(IMAGE)
    assert task.fitting_psf(IMAGE, "YX").shape[0] in (3, 13)
    assert task.remarks(IMAGE) == ()


def test_defaults_are_named_where_they_matter():
    found = find_optics(GivenOptics(1.2, 0.52, microscope="confocal"), None)
    assert found.setup.excitation == 0.52
    assert found.setup.pinhole == 1
    excitation, pinhole = found.remarks
    assert "excitation" in excitation
    assert "pinhole" in pinhole
    assert find_optics(GivenOptics(1.2, 0.52), None).remarks == ()
    assert find_optics(GivenOptics(1.2, 0.52), None).setup.refractive_index == 1.518


def test_channels_of_different_colour_get_a_remark():
    both = replace(FILE, channels=(*FILE.channels, ChannelOptics(0.62, 0.56, "confocal")))
    found = find_optics(GivenOptics(), both)
    assert found.setup.emission == pytest.approx(0.57)
    assert any("channels differ" in text for text in found.remarks)


def test_light_sheet_of_unknown_thickness_counts_as_wide_field():
    sheet = replace(FILE, channels=(ChannelOptics(0.52, 0.488, "light-sheet"),))
    found = find_optics(GivenOptics(), sheet)
    assert found.setup.microscope == "widefield"
    assert "thickness" in found.remarks[-1]
    assert find_optics(GivenOptics(sheet_thickness=3.0), sheet).setup.sheet_thickness == 3.0


def test_two_photon_needs_the_excitation_alone():
    given = GivenOptics(1.0, wavelength_excitation=0.9, microscope="two-photon")
    assert find_optics(given, None).setup.wavelengths == (0.9,)
    with pytest.raises(InputError, match="wavelength of excitation None; expected both"):
        find_optics(GivenOptics(1.0, 0.5, microscope="two-photon"), None)


def test_task_with_optics_of_the_file_needs_the_file_no_more():
    task = Deconvolve().with_optics_of(IMAGE)
    np.testing.assert_array_equal(task.fitting_psf(replace(IMAGE, acquisition=None), "YX"), psf())


def test_nanometres_are_offered_in_micrometres():
    with pytest.raises(InputError, match=r"Did you mean 0\.52"):
        psf(wavelength=520.0)


@pytest.mark.parametrize(
    ("microscope", "extra"),
    [
        ("widefield", {}),
        ("confocal", {}),
        ("spinning-disk", {}),
        ("two-photon", {"wavelength_excitation": 0.9}),
        ("light-sheet", {"sheet_thickness": 2.0}),
    ],
)
def test_every_microscope_deconvolves_planes_and_volumes(microscope, extra):
    task = Deconvolve(na=1.1, wavelength=0.52, microscope=microscope, **extra)
    assert run(IMAGE, task, tiny_config(2)).image.shape == (24, 20)
    stack = Image(np.stack([IMAGE.data] * 5), "ZYX", {"Z": 0.3, "Y": 0.1, "X": 0.1})
    assert run(stack, task, tiny_config(2, dims=3)).image.shape == (5, 24, 20)
