"""The command measure-psf."""

from __future__ import annotations

import json

import pytest

from napari_dip.cli.main import main
from napari_dip.io.images import read_image, write_image
from tests.bead_images import STEPS, apart, recorded, spots, true_width


@pytest.fixture
def beads(tmp_path):
    shape = (25, 90, 100)
    path = tmp_path / "beads.tif"
    write_image(path, recorded(spots(shape, apart(shape, 30), 3e5)))
    return path


def test_measures_widths_and_writes_a_psf_with_its_voxel_size(beads, capsys):
    assert main(["measure-psf", str(beads), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    psf = read_image(beads.with_name("beads_psf.ome.tif"))
    assert report["output"] == str(beads.with_name("beads_psf.ome.tif"))
    assert report["used"] >= 4
    assert report["unit"] == "micrometer"
    assert report["fwhm"]["x"] == pytest.approx(true_width("X"), rel=0.05)
    assert list(psf.shape) == report["shape"]
    assert dict(psf.voxel_size) == pytest.approx(STEPS)


def test_options_set_size_diameter_and_voxel_size(beads, tmp_path, capsys):
    words = ["--size", "z=8,y=4,x=4", "--voxel-size", "z=0.4,y=0.2,x=0.2"]
    words += ["--bead-diameter", "0.2", "-o", str(tmp_path / "p.tif")]
    assert main(["measure-psf", str(beads), *words]) == 0
    assert read_image(tmp_path / "p.tif").shape == (21, 21, 21)
    assert "used" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["--size", "z=0"], 2, "expected lengths above 0"),
        (["--channel", "1"], 3, "0 channels"),
        (["-o", "psf.doc"], 3, "expected"),
    ],
)
def test_rejects_wrong_options(beads, capsys, words, code, sentence):
    assert main(["measure-psf", str(beads), *words]) == code
    assert sentence in capsys.readouterr().err


def test_does_not_replace_an_existing_psf(beads, capsys):
    assert main(["measure-psf", str(beads)]) == 0
    assert main(["measure-psf", str(beads)]) == 2
    assert "exists" in capsys.readouterr().err
    assert main(["measure-psf", str(beads), "--overwrite"]) == 0
