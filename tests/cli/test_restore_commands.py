"""Commands of the tasks."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image as Picture

from napari_dip.core.image.image import Image
from napari_dip.core.tasks import TASKS
from napari_dip.io import images as io
from tests.tiny import latent_of, tiny_config, waves


@pytest.mark.parametrize("name", TASKS)
def test_every_task_restores_a_file(call, noisy, task_files, tmp_path, name):
    config = tiny_config(4, latent_of(name), threads=1)
    tmp_path.joinpath("tiny.json").write_text(config.model_dump_json())
    code, out, _ = call(name, noisy, *task_files[name], "--config", "tiny.json", "--json")
    report = json.loads(out)
    assert (code, report["task"]) == (0, name)
    expected = (48, 60) if name == "super-resolve" else (24, 20)
    assert io.read_image(tmp_path / f"noisy_{name}.ome.tif").shape == expected


def test_fourier_reconstructs_complex_kspace(call, tmp_path, noisy):
    kspace = np.fft.fftshift(np.fft.fft2(waves((24, 20))))
    kspace[:, 1::2] = 0
    np.save(tmp_path / "kspace.npy", kspace)
    code, _, _ = call("fourier", "kspace.npy", "--config", "tiny.json")
    assert code == 0
    assert io.read_image(tmp_path / "kspace_fourier.ome.tif").shape == (24, 20)


def test_fourier_with_maps_is_compared_with_a_magnitude(call, tmp_path, noisy):
    maps = np.stack([np.linspace(1, 0.2, 20), np.linspace(0.2, 1j, 20)])[:, None].repeat(24, axis=1)
    kspace = np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(maps * waves((24, 20)), (1, 2))), (1, 2))
    kspace[:, :, 1::2] = 0
    for name, values in {"kspace": kspace, "maps": maps, "truth": waves((24, 20))}.items():
        np.save(tmp_path / f"{name}.npy", values)
    words = ("fourier", "kspace.npy", "--config", "tiny.json", "--reference", "truth.npy", "--json")
    code, out, _ = call(*words, "--maps", "maps.npy")
    assert code == 0
    assert json.loads(out)["psnr"] is not None
    code, _, err = call(*words, "--maps", "truth.npy", "--overwrite")
    assert code == 3
    assert "complex" in err
    code, _, err = call("fourier", noisy, "--config", "tiny.json", "--maps", "maps.npy")
    assert code == 2
    assert "k-space" in err


def test_refine_psf_reports_the_fitted_width(call, noisy):
    words = ("deconvolve", noisy, "--config", "tiny.json", "--sigma", "1.5", "--json")
    found = json.loads(call(*words)[1])["diagnostics"]
    assert "psf_sigma_y" not in found
    refined = json.loads(call(*words, "--refine-psf", "--overwrite")[1])["diagnostics"]
    assert refined["psf_sigma_y"] == pytest.approx(1.5, abs=0.1)


@pytest.mark.parametrize(("loss", "model"), [(None, "uniform"), ("plain", "gaussian")])
def test_dejpeg_reads_the_quantisation_tables_of_the_file(call, tmp_path, noisy, loss, model):
    picture = np.stack([waves((24, 20))] * 3, axis=-1).astype(np.uint8)
    Picture.fromarray(picture).save(tmp_path / "small.jpg", quality=20)
    choice = () if loss is None else ("--loss", loss)
    words = ("dejpeg", "small.jpg", *choice, "--config", "tiny.json", "-o", "out.png", "--json")
    code, out, _ = call(*words)
    assert code == 0
    assert json.loads(out)["noise"]["model"] == model
    assert io.read_image(tmp_path / "out.png").shape == picture.shape


def test_bins_need_a_jpeg_file(call, noisy):
    code, _, err = call("dejpeg", noisy, "--loss", "bins", "--config", "tiny.json")
    assert code == 3
    assert "no quantisation tables" in err


@pytest.mark.parametrize("known", [True, False], ids=["in the file", "as an option"])
def test_psf_is_resampled_to_the_voxel_size_of_the_image(call, tmp_path, known):
    def save(name, shape, step):
        values = np.random.default_rng(0).poisson(9, shape).astype(np.float32)
        values[tuple(n // 2 for n in shape)] = 900
        sizes = {"Z": step, "Y": 0.1, "X": 0.1} if step else {}
        units = dict.fromkeys(sizes, "micrometer")
        io.write_image(tmp_path / name, Image(values, "ZYX", sizes, units))

    save("stack.ome.tif", (6, 16, 16), 0.3)
    save("psf.ome.tif", (9, 5, 5), 0.1 if known else None)
    size = () if known else ("--psf-voxel-size", "z=0.1,y=0.1,x=0.1")
    words = ("deconvolve", "stack.ome.tif", "--psf", "psf.ome.tif", "--config", "tiny.json")
    code, out, err = call(*words, *size, "--json")
    assert code == 0
    assert "z from 0.1 to 0.3 micrometer" in " ".join(json.loads(out)["warnings"])
    assert "z from 0.1 to 0.3 micrometer" in err
    assert json.loads(out)["task_options"]["psf"]["voxel_size"]["Z"] == 0.1
    if not known:
        code, _, err = call(*words, "--overwrite")
        assert code == 3
        assert "--psf-voxel-size" in err


def test_psf_voxel_size_of_zero_is_refused(call, tmp_path, noisy):
    io.write_image(tmp_path / "psf.ome.tif", Image(np.eye(5, dtype=np.float32), "YX"))
    code, _, err = call("deconvolve", noisy, "--psf", "psf.ome.tif", "--psf-voxel-size", "0")
    assert code == 2
    assert "sizes above 0" in err
