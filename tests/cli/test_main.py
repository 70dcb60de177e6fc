"""The command line, in this process: exit codes, what is printed and what is written."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from importlib.util import find_spec

import numpy as np
import pytest
import tifffile
from PIL import Image as Picture

from napari_dip import metrics
from napari_dip.cli import main as cli
from napari_dip.cli import restore_file as restoring
from napari_dip.cli.options import Options, configure
from napari_dip.core.image.image import Image
from napari_dip.core.restoration import restore as core
from napari_dip.core.tasks import TASKS
from napari_dip.errors import DivergedError, MemoryExhaustedError
from napari_dip.io import images as io
from tests.tiny import latent_of, noisy_waves, tiny_config, waves


@pytest.fixture
def call(capsys, monkeypatch, tmp_path):
    """Run a command line in an empty folder; return exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    tmp_path.joinpath("tiny.json").write_text(tiny_config(threads=1).model_dump_json())

    def run(*words):
        code = cli.main([str(word) for word in words])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


@pytest.fixture
def noisy(tmp_path):
    path = tmp_path / "noisy.tif"
    tifffile.imwrite(path, noisy_waves((24, 20)).astype(np.float32))
    return path


@pytest.fixture
def no_work(monkeypatch):
    """Fail as soon as a restoration starts."""

    def refuse(*args, **options):
        raise AssertionError("the work has started")

    monkeypatch.setattr(core, "restore", refuse)


def listing(folder):
    return sorted(path.name for path in folder.iterdir())


def is_one_error(err):
    return err.startswith("napari-dip: error: ") and "Traceback" not in err


# What is written and printed


def test_denoise_writes_the_image_and_its_report(call, noisy):
    code, out, err = call("denoise", noisy, "--config", "tiny.json")
    assert (code, err) == (0, "")
    assert out.startswith(str(noisy.with_name("noisy_denoise.ome.tif")))
    restored = io.read_image(noisy.with_name("noisy_denoise.ome.tif"))
    assert (restored.shape, restored.dtype) == ((24, 20), np.float32)
    report = json.loads(noisy.with_name("noisy_denoise.ome.tif.json").read_text())
    assert report["task"] == "denoise"
    assert report["iterations"] == 4


def test_json_is_alone_on_stdout_and_is_the_report(call, noisy):
    code, out, _ = call("denoise", noisy, "--config", "tiny.json", "--json", "-o", "out.tif")
    report = json.loads(out)
    assert code == 0
    assert out.count("\n") == 1
    assert report == json.loads(noisy.with_name("out.tif.json").read_text())
    assert report["input"]["path"] == str(noisy)
    assert report["input"]["sha256"] == io.sha256_of(noisy)
    assert "psnr" not in report


def test_the_report_travels_in_the_file(call, noisy):
    call("denoise", noisy, "--config", "tiny.json", "-o", "out.tif")
    with tifffile.TiffFile(noisy.with_name("out.tif")) as file:
        tags = " ".join(str(tag.value) for tag in file.pages[0].tags)
    assert io.sha256_of(noisy) in tags


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("a.tif", "a_denoise.ome.tif", id="short"),
        pytest.param("a.b.OME.TIF", "a.b_denoise.ome.tif", id="long"),
    ],
)
def test_the_output_is_named_after_the_image_and_the_task(call, tmp_path, name, expected):
    tifffile.imwrite(tmp_path / name, noisy_waves((16, 16)).astype(np.float32))
    code, _, err = call("denoise", name, "--config", "tiny.json")
    assert (code, err) == (0, "")
    assert expected in listing(tmp_path)


@pytest.mark.parametrize("suffix", io.WRITERS)
def test_every_format_goes_in_and_comes_out(call, tmp_path, suffix):
    values = noisy_waves((24, 20)).clip(0, 255)
    before = Image(values, "YX", {"Y": 0.5, "X": 0.25}, dict.fromkeys("YX", "micrometer"))
    io.write_image(tmp_path / f"in{suffix}", before, dtype=np.uint8)
    words = (f"in{suffix}", "--config", "tiny.json", "-o", f"out{suffix}")
    assert call("denoise", *words)[0] == 0
    again = call("denoise", *words)
    assert again[0] == 2
    assert is_one_error(again[2])
    assert call("denoise", *words, "--overwrite")[0] == 0
    after = io.read_image(tmp_path / f"out{suffix}")
    assert after.shape == (24, 20)
    if suffix not in (".npy", ".png"):
        assert (dict(after.voxel_size), dict(after.units)) == (before.voxel_size, before.units)


def test_a_reference_adds_figures_of_quality(call, noisy, tmp_path):
    np.save(tmp_path / "truth.npy", waves((24, 20)))
    options = ("--config", "tiny.json", "--reference", "truth.npy")
    _, out, _ = call("denoise", noisy, *options, "--json")
    report = json.loads(out)
    assert {"psnr", "ssim", "best_psnr", "best_iteration"} <= report.keys()
    _, out, _ = call("denoise", noisy, *options, "--overwrite")
    assert f"psnr {report['psnr']:.2f} dB" in out


def test_affine_makes_the_scale_of_the_reference_irrelevant(call, noisy, tmp_path):
    np.save(tmp_path / "truth.npy", waves((24, 20)))
    np.save(tmp_path / "scaled.npy", waves((24, 20)) * 3 - 500)
    psnr = []
    for name in ("truth", "scaled"):
        options = ("--config", "tiny.json", "--json", "-o", f"{name}.tif")
        _, out, _ = call("denoise", noisy, *options, "--affine", "--reference", f"{name}.npy")
        psnr.append(json.loads(out)["psnr"])
    assert psnr[0] == pytest.approx(psnr[1], abs=1e-3)


@pytest.mark.parametrize("runs", ["1", "2"])
def test_uncertainty_is_the_spread_over_runs_or_of_samples(call, noisy, tmp_path, runs):
    options = ("--config", "tiny.json", "--runs", runs, "--uncertainty", "std.tif")
    code, _, err = call("denoise", noisy, *options)
    assert (code, err) == (0, "")
    spread = np.asarray(io.read_image(tmp_path / "std.tif").data)
    assert spread.shape == (24, 20)
    assert spread.max() > 0


# The configuration


def test_a_saved_configuration_repeats_the_run(call, noisy, tmp_path):
    _, first, _ = call("denoise", noisy, "--config", "tiny.json", "--seed", 7,
                       "--save-config", "saved.json", "-o", "a.tif", "--json")  # fmt: skip
    _, again, _ = call("denoise", noisy, "--config", "saved.json", "-o", "b.tif", "--json")
    assert json.loads(again)["config"] == json.loads(first)["config"]
    assert json.loads(again)["seed"] == 7
    np.testing.assert_array_equal(
        io.read_image(tmp_path / "a.tif").data, io.read_image(tmp_path / "b.tif").data
    )


def test_options_override_the_file(call, noisy):
    options = ("--config", "tiny.json", "--max-iterations", "2", "--dims", "2", "--json")
    _, out, _ = call("denoise", noisy, *options)
    assert json.loads(out)["iterations"] == 2


def test_a_report_serves_as_configuration(call, noisy):
    call("denoise", noisy, "--config", "tiny.json", "--seed", 3, "-o", "a.tif")
    _, out, _ = call("denoise", noisy, "--config", "a.tif.json", "-o", "b.tif", "--json")
    assert json.loads(out)["seed"] == 3


def test_another_preset_replaces_the_settings_a_file_spells_out(tmp_path):
    file = tmp_path / "complete.json"
    file.write_text(tiny_config().complete().model_dump_json())
    config = configure(Options(preset="fast"), file).complete()
    assert config.preset == "fast"
    chosen = Options(preset="fast", device="cpu", precision="float32", warm_start="off")
    assert config == configure(chosen, None).complete()


def test_the_options_are_those_of_the_configuration(call):
    _, out, _ = call("denoise", "--help")
    for name in cli.DipConfig.model_fields.keys() - {"fit"}:
        assert f"--{name.replace('_', '-')}" in out


def test_an_estimate_is_told_and_nothing_is_written(call, noisy, tmp_path):
    noisy.with_name("noisy_denoise.ome.tif").write_text("precious")
    before = listing(tmp_path)
    code, out, err = call("denoise", noisy, "--config", "tiny.json", "--estimate")
    assert (code, err) == (0, "")
    assert re.fullmatch(r"at most \d+ s: \d+ iterations of \S+ s; \d+\.\d GB of memory\n", out)
    code, out, _ = call("denoise", noisy, "--config", "tiny.json", "--estimate", "--json")
    assert json.loads(out)["iterations"] == tiny_config().complete().max_iterations
    assert listing(tmp_path) == before


def test_an_estimate_of_a_store_that_is_read_by_parts_writes_nothing(call, tmp_path):
    stack = np.stack([noisy_waves((24, 20))] * 3)
    io.write_image(tmp_path / "in.zarr", Image(stack, "ZYX"))
    before = listing(tmp_path)
    words = (
        "denoise",
        "in.zarr",
        "-o",
        "out.zarr",
        "--config",
        "tiny.json",
        "--estimate",
        "--json",
    )
    code, out, err = call(*words)
    assert (code, err) == (0, "")
    assert json.loads(out)["blocks"] == 3
    assert listing(tmp_path) == before


# Refusals


@pytest.mark.parametrize("existing", ["out.tif", "out.tif.json", "std.tif", "saved.json"])
def test_an_existing_output_is_refused_before_work_starts(call, noisy, tmp_path, no_work, existing):
    tmp_path.joinpath(existing).write_text("precious")
    before = listing(tmp_path)
    code, out, err = call("denoise", noisy, "-o", "out.tif", "--runs", 2,
                          "--uncertainty", "std.tif", "--save-config", "saved.json")  # fmt: skip
    assert (code, out) == (2, "")
    assert is_one_error(err)
    assert existing in err
    assert listing(tmp_path) == before
    assert tmp_path.joinpath(existing).read_text() == "precious"


def test_overwrite_replaces_the_outputs(call, noisy, tmp_path):
    for name in ("out.tif", "out.tif.json"):
        tmp_path.joinpath(name).write_text("old")
    code, _, err = call("denoise", noisy, "--config", "tiny.json", "-o", "out.tif", "--overwrite")
    assert (code, err) == (0, "")
    assert io.read_image(tmp_path / "out.tif").shape == (24, 20)
    json.loads(tmp_path.joinpath("out.tif.json").read_text())


@pytest.mark.parametrize("name", ["absent/out.tif", "out.xyz", "out.png"])
def test_an_output_that_cannot_be_written_is_refused_before_work_starts(call, noisy, no_work, name):
    code, out, err = call("denoise", noisy, "-o", name)
    assert (code, out) == (3, "")
    assert is_one_error(err)
    assert name in err


def test_a_png_is_written_in_the_type_of_the_image(call, tmp_path):
    np.save(tmp_path / "image.npy", noisy_waves((16, 16)).clip(0, 255).astype(np.uint8))
    code, _, err = call("denoise", "image.npy", "--config", "tiny.json", "-o", "out.png")
    assert (code, err) == (0, "")
    assert io.read_image(tmp_path / "out.png").dtype == np.uint8


def test_the_input_is_never_an_output(call, noisy, no_work):
    before = noisy.read_bytes()
    code, _, err = call("denoise", noisy, "-o", noisy, "--overwrite")
    assert code == 2
    assert is_one_error(err)
    assert noisy.read_bytes() == before


@pytest.mark.parametrize(
    "words",
    [
        pytest.param("restore {image}", id="unknown command"),
        pytest.param("denoise", id="no image"),
        pytest.param("denoise {image} --runs 0", id="out of range"),
        pytest.param("denoise {image} --runs many", id="no number"),
        pytest.param("denoise {image} --noise pink", id="unknown choice"),
        pytest.param("denoise {image} --dims 4", id="unknown dims"),
        pytest.param("denoise {image} --colour", id="unknown option"),
        pytest.param("denoise {image} {image}", id="two images"),
        pytest.param("denoise {image} --uncertainty std.png", id="whole uncertainties"),
        pytest.param("denoise {image} --config absent.json", id="no such configuration"),
        pytest.param("denoise {image} --config broken.json", id="no JSON"),
        pytest.param("denoise {image} --config list.json", id="no object"),
        pytest.param("denoise {image} --config unknown.json", id="unknown key"),
    ],
)
def test_usage_errors_exit_2_with_one_sentence(call, noisy, tmp_path, no_work, words):
    tmp_path.joinpath("broken.json").write_text("{")
    tmp_path.joinpath("list.json").write_text("[1]")
    tmp_path.joinpath("unknown.json").write_text('{"colour": 1}')
    before = listing(tmp_path)
    code, out, err = call(*words.format(image=noisy).split())
    assert (code, out) == (2, "")
    assert is_one_error(err)
    assert listing(tmp_path) == before


def refused_file(name, tmp_path):
    path = tmp_path / name
    match name:
        case "absent.tif":
            pass
        case "text.tif":
            path.write_text("not an image")
        case "truncated.tif":
            tifffile.imwrite(path, noisy_waves())
            path.write_bytes(path.read_bytes()[:2000])
        case "complex.npy":
            np.save(path, np.ones((8, 8), complex))
        case "line.npy":
            np.save(path, np.ones(8))
        case "empty.npy":
            np.save(path, np.ones((0, 8)))
        case "missing.npy":
            np.save(path, np.full((8, 8), np.nan))
    return path


@pytest.mark.parametrize(
    "name",
    ["absent.tif", "text.tif", "truncated.tif", "complex.npy", "line.npy", "empty.npy",
     "missing.npy"],
)  # fmt: skip
def test_input_that_cannot_be_restored_exits_3_and_leaves_nothing(call, tmp_path, name):
    path = refused_file(name, tmp_path)
    before = listing(tmp_path)
    code, out, err = call("denoise", path, "--config", "tiny.json", "--json")
    assert (code, out) == (3, "")
    assert is_one_error(err)
    assert listing(tmp_path) == before


def test_a_reference_of_another_shape_exits_3(call, noisy, tmp_path):
    np.save(tmp_path / "truth.npy", waves((8, 8)))
    options = ("--config", "tiny.json", "--reference", "truth.npy")
    for affine in ((), ("--affine",)):
        code, _, err = call("denoise", noisy, *options, *affine)
        assert code == 3
        assert is_one_error(err)


def test_axes_that_do_not_fit_exit_3(call, noisy):
    code, _, err = call("denoise", noisy, "--axes", "ZYX")
    assert code == 3
    assert is_one_error(err)


def test_a_missing_device_exits_4(call, noisy, tmp_path):
    before = listing(tmp_path)
    code, _, err = call("denoise", noisy, "--config", "tiny.json", "--device", "cuda:99")
    assert code == 4
    assert is_one_error(err)
    assert listing(tmp_path) == before


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        pytest.param(MemoryExhaustedError("Out of memory."), 4, id="device memory"),
        pytest.param(MemoryError(), 4, id="memory"),
        pytest.param(DivergedError("The fit diverged."), 5, id="diverged"),
        pytest.param(PermissionError(13, "Permission denied", "out.tif"), 3, id="permission"),
        pytest.param(ZeroDivisionError("oops"), 1, id="unexpected"),
        pytest.param(KeyboardInterrupt(), 130, id="interrupted"),
    ],
)
def test_every_failure_has_its_exit_code_and_one_sentence(
    call, noisy, tmp_path, monkeypatch, error, expected
):
    def fail(*args, **options):
        raise error
        yield

    monkeypatch.setattr(core, "restore", fail)
    before = listing(tmp_path)
    code, out, err = call("denoise", noisy, "--config", "tiny.json", "--json")
    assert (code, out) == (expected, "")
    assert is_one_error(err)
    assert ("--traceback" in err) == (expected == 1)
    assert listing(tmp_path) == before
    code, _, err = call("denoise", noisy, "--config", "tiny.json", "--traceback")
    assert code == expected
    assert "Traceback" in err


# Images at the edge of what can be restored


@pytest.mark.parametrize("dtype", ["bool", "uint8", "uint16", "int32", "float16", "float64"])
def test_every_real_type_is_restored(call, tmp_path, dtype):
    np.save(tmp_path / "image.npy", noisy_waves((16, 16)).astype(dtype))
    code, _, err = call("denoise", "image.npy", "--config", "tiny.json", "-o", "out.tif")
    assert (code, err) == (0, "")
    assert io.read_image(tmp_path / "out.tif").dtype == np.float32


@pytest.mark.parametrize("shape", [(1, 40), (3, 3), (17, 5)])
def test_every_size_is_restored(call, tmp_path, shape):
    np.save(tmp_path / "image.npy", noisy_waves(shape))
    code, _, err = call("denoise", "image.npy", "--config", "tiny.json", "-o", "out.npy")
    assert (code, err) == (0, "")
    assert io.read_image(tmp_path / "out.npy").shape == shape


def test_missing_pixels_are_filled_and_counted(call, tmp_path):
    values = noisy_waves((16, 16))
    values[4:6, 4] = np.nan
    np.save(tmp_path / "image.npy", values)
    _, out, _ = call("denoise", "image.npy", "--config", "tiny.json", "-o", "out.npy", "--json")
    assert json.loads(out)["input"]["invalid_pixels"] == 2
    assert np.isfinite(np.load(tmp_path / "out.npy")).all()


def test_a_constant_image_is_its_own_restoration(call, tmp_path):
    np.save(tmp_path / "image.npy", np.full((8, 8), 7.0))
    code, out, _ = call("denoise", "image.npy", "-o", "out.npy", "--json")
    assert code == 0
    assert json.loads(out)["stop_reason"] == "constant_image"
    assert (np.load(tmp_path / "out.npy") == 7).all()


def test_an_image_without_noise_equals_its_reference(call, tmp_path):
    picture = np.rint(waves((64, 64))).astype(np.uint8)
    np.save(tmp_path / "image.npy", picture)
    code, out, err = call("denoise", "image.npy", "-o", "out.npy", "--reference", "image.npy")
    assert code == 0
    assert "no_noise" in out
    assert "equal to the reference" in out
    assert "hardly any noise" in err
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), picture)


def test_blank_frames_come_back_as_they_were_with_a_warning(call, tmp_path):
    frames = (np.stack([noisy_waves((16, 16))] * 4)).astype(np.uint16)
    frames[1:3] = [[[0]], [[7]]]
    io.write_image(tmp_path / "in.tif", Image(frames, "TYX"))
    code, out, err = call("denoise", "in.tif", "--config", "tiny.json", "-o", "out.tif", "--json")
    assert code == 0
    assert "one value only: 2 of 4 (T 1, T 2; counted from 0)" in err
    assert json.loads(out)["constant"]["planes"] == [{"T": 1}, {"T": 2}]
    np.testing.assert_array_equal(io.read_image(tmp_path / "out.tif").data[1:3], frames[1:3])


# Interruption


def press_ctrl_c(monkeypatch, times):
    """Press Ctrl-C when the first progress is shown."""
    asked = []

    def follow(progress):
        while len(asked) < times:
            asked.append(True)
            signal.raise_signal(signal.SIGINT)

    @contextmanager
    def display():
        yield follow

    monkeypatch.setattr(restoring, "progress_display", display)


def test_ctrl_c_keeps_the_best_result_so_far(call, noisy, tmp_path, monkeypatch):
    press_ctrl_c(monkeypatch, 1)
    handler = signal.getsignal(signal.SIGINT)
    options = ("--config", "tiny.json", "--max-iterations", 10**6, "--stop", "none")
    code, out, err = call("denoise", noisy, *options, "-o", "out.tif", "--json")
    assert code == 130
    assert "kept in out.tif" in err
    assert json.loads(out)["stop_reason"] == "stop_requested"
    assert io.read_image(tmp_path / "out.tif").shape == (24, 20)
    assert signal.getsignal(signal.SIGINT) is handler


def test_a_second_ctrl_c_aborts_without_a_result(call, noisy, tmp_path, monkeypatch):
    press_ctrl_c(monkeypatch, 2)
    before = listing(tmp_path)
    options = ("--config", "tiny.json", "--max-iterations", 10**6, "--stop", "none")
    code, out, err = call("denoise", noisy, *options, "-o", "out.tif", "--json")
    assert (code, out) == (130, "")
    assert is_one_error(err)
    assert listing(tmp_path) == before


# The other commands


def test_evaluate_compares_two_files(call, noisy, tmp_path):
    np.save(tmp_path / "truth.npy", waves((24, 20)))
    code, out, _ = call("evaluate", noisy, "truth.npy", "--json")
    values = json.loads(out)
    assert code == 0
    assert values.keys() == {"psnr", "ssim", "nrmse", "frc"}
    assert 10 < values["psnr"] < 20
    _, out, _ = call("evaluate", noisy, "truth.npy")
    assert f"{values['psnr']:.6g}" in out


def test_evaluate_of_equal_images_is_valid_json(call, noisy):
    _, out, _ = call("evaluate", noisy, noisy, "--json")

    def refuse(constant):
        raise AssertionError(constant)

    assert json.loads(out, parse_constant=refuse)["psnr"] is None


def test_evaluate_refuses_another_shape(call, noisy, tmp_path):
    np.save(tmp_path / "truth.npy", waves((8, 8)))
    code, out, err = call("evaluate", noisy, "truth.npy", "--json")
    assert (code, out) == (3, "")
    assert is_one_error(err)


def test_info_says_what_there_is_and_what_is_missing(call):
    code, out, _ = call("info", "--json")
    machine = json.loads(out)
    assert code == 0
    assert "cpu" in machine["devices"]
    assert {"versions", "precision", "threads", "free_memory_bytes", "missing"} <= machine.keys()
    assert "free_memory_bytes" in call("info")[1]


def test_the_demo_writes_figure_and_numbers(call, tmp_path, monkeypatch):
    monkeypatch.setattr(cli, "DEMO", tiny_config(3, threads=1))
    for _ in range(2):  # its own folder is written anew
        code, out, _ = call("demo")
        assert code == 0
    folder = tmp_path / "napari-dip-demo"
    assert listing(folder) == [
        "figure.png", "noisy.tif", "restored.ome.tif", "restored.ome.tif.json"
    ]  # fmt: skip
    report = json.loads(out)
    assert report == json.loads((folder / "restored.ome.tif.json").read_text())
    assert {"psnr", "psnr_observation"} <= report.keys()
    assert (folder / "figure.png").read_bytes().startswith(b"\x89PNG")


def test_the_demo_refuses_to_replace_files_in_a_folder_of_the_user(call, tmp_path, no_work):
    tmp_path.joinpath("noisy.tif").write_text("precious")
    code, _, err = call("demo", "-o", tmp_path)
    assert code == 2
    assert is_one_error(err)
    assert tmp_path.joinpath("noisy.tif").read_text() == "precious"


def test_help_and_version_answer_without_torch():
    code = (
        "import sys; from napari_dip.cli.main import main; "
        "codes = [main(['--help']), main(['denoise', '--help']), main(['--version'])]; "
        "assert codes == [0, 0, 0] and not {'torch', 'tifffile', 'napari'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


# Every task


@pytest.fixture
def extras(tmp_path):
    """Return the options each task needs beside its image of 24 x 20."""
    painted = np.zeros((24, 20), np.uint8)
    painted[4:8, 4:8] = 1
    tifffile.imwrite(tmp_path / "mask.tif", painted)
    tifffile.imwrite(tmp_path / "guide.tif", waves((24, 20)).astype(np.float32))
    tifffile.imwrite(tmp_path / "psf.tif", np.ones((3, 3), np.uint8))
    return {
        "denoise": (),
        "inpaint": ("--mask", "mask.tif"),
        "super-resolve": ("--factor", "y=2,x=3"),
        "deconvolve": ("--psf", "psf.tif"),
        "dejpeg": (),
        "guided": ("--guide", "guide.tif"),
        "fourier": ("--mask", "mask.tif", "--inverse"),
        "invert-features": ("--features", "tiny:0"),
    }


@pytest.mark.parametrize("name", TASKS)
def test_every_task_restores_a_file(call, noisy, extras, tmp_path, name):
    config = tiny_config(4, latent_of(name), threads=1)
    tmp_path.joinpath("tiny.json").write_text(config.model_dump_json())
    code, out, _ = call(name, noisy, *extras[name], "--config", "tiny.json", "--json")
    report = json.loads(out)
    assert (code, report["task"]) == (0, name)
    expected = (48, 60) if name == "super-resolve" else (24, 20)
    assert io.read_image(tmp_path / f"noisy_{name}.ome.tif").shape == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("super-resolve", "--factor", "many"), "--factor many"),
        (("super-resolve", "--factor", "1"), "factors"),
        (("inpaint", "--mask", "missing.tif"), "missing.tif"),
        (("deconvolve",), "no PSF"),
        (("deconvolve", "--sigma", "y=a"), "--sigma y=a"),
        (("deconvolve", "--na", "1.4", "--wavelength", "0.5"), "voxel size"),
        (("guided",), "guide"),
        (("fourier",), "no mask"),
        (("denoise", "--stop", "blocks"), "stopping rule blocks for denoise"),
        (("invert-features", "--features", "nobody"), "'nobody'"),
    ],
)
def test_what_a_task_lacks_is_said_before_anything_is_written(call, noisy, words, expected):
    code, _, err = call(words[0], noisy, *words[1:], "--config", "tiny.json")
    assert code in (2, 3)
    assert expected in err
    assert listing(noisy.parent) == ["noisy.tif", "tiny.json"]


def test_kspace_is_reconstructed(call, tmp_path, noisy):
    kspace = np.fft.fftshift(np.fft.fft2(waves((24, 20))))
    kspace[:, 1::2] = 0
    np.save(tmp_path / "kspace.npy", kspace)
    code, _, _ = call("fourier", "kspace.npy", "--config", "tiny.json")
    assert code == 0
    assert io.read_image(tmp_path / "kspace_fourier.ome.tif").shape == (24, 20)


def test_coils_with_maps_are_compared_with_a_magnitude(call, tmp_path, noisy):
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


def test_a_mask_is_not_written_over(call, noisy, extras):
    words = ("inpaint", noisy, *extras["inpaint"], "-o", "mask.tif", "--overwrite")
    code, _, err = call(*words)
    assert code == 2
    assert "mask.tif" in err


def test_a_width_is_refined_on_demand(call, noisy):
    words = ("deconvolve", noisy, "--config", "tiny.json", "--sigma", "1.5", "--json")
    found = json.loads(call(*words)[1])["diagnostics"]
    assert "psf_sigma_y" not in found
    refined = json.loads(call(*words, "--refine-psf", "--overwrite")[1])["diagnostics"]
    assert refined["psf_sigma_y"] == pytest.approx(1.5, abs=0.1)


@pytest.mark.skipif(find_spec("optuna") is None, reason="needs the extra tune")
def test_what_was_tuned_is_said_and_can_be_repeated(call, noisy, monkeypatch):
    errors = iter([1.2, 1.1, None])
    monkeypatch.setattr("napari_dip.core.fitting.tune._heldout_error", lambda *_: next(errors))
    tifffile.imwrite(noisy, noisy_waves((48, 48)).astype(np.float32))
    code, out, err = call("denoise", noisy, "--config", "tiny.json", "--tune", "1e6", "--json")
    assert code == 0
    assert "tuned by 2 trials" in err
    report = json.loads(out)
    assert [trial["heldout_error"] for trial in report["diagnostics"]["trials"]] == [1.2, 1.1]
    saved = noisy.with_name("noisy_denoise.ome.tif.json")
    again = json.loads(call("denoise", noisy, "--config", saved, "--json", "-o", "again.tif")[1])
    assert again["config"] == report["config"]
    assert "trials" not in again["diagnostics"]


def test_a_voxel_size_is_read_by_axis_and_written(call, tmp_path):
    np.save(tmp_path / "stack.npy", np.random.default_rng(0).random((3, 16, 16)))
    words = ("denoise", "stack.npy", "--config", "tiny.json", "--overwrite", "-o", "out.ome.tif")
    code, _, err = call(*words, "--voxel-size", "z=0.3,y=0.1,x=0.2")
    assert code == 0, err
    written = io.read_image(tmp_path / "out.ome.tif")
    assert written.voxel_size == pytest.approx({"Z": 0.3, "Y": 0.1, "X": 0.2})
    assert call(*words, "--voxel-size", "0.1")[0] == 0
    assert io.read_image(tmp_path / "out.ome.tif").voxel_size == {"Y": 0.1, "X": 0.1}
    # From a report it is read again.
    report = str(tmp_path / "out.ome.tif.json")
    assert call("denoise", "stack.npy", "--config", report, "-o", "again.ome.tif")[0] == 0
    assert io.read_image(tmp_path / "again.ome.tif").voxel_size == {"Y": 0.1, "X": 0.1}


@pytest.mark.parametrize(
    ("size", "words"),
    [("z=a", "expected a number"), ("q=3", "'z', 'y' or 'x'"), ("z=-1", "greater than 0")],
)
def test_a_voxel_size_that_cannot_be_meant_is_refused(call, noisy, no_work, size, words):
    code, _, err = call("denoise", noisy, "--voxel-size", size)
    assert code == 2
    assert is_one_error(err)
    assert words in err


@pytest.mark.parametrize(("loss", "model"), [(None, "uniform"), ("plain", "gaussian")])
def test_a_jpeg_file_is_restored_from_its_tables(call, tmp_path, noisy, loss, model):
    picture = np.stack([waves((24, 20))] * 3, axis=-1).astype(np.uint8)
    Picture.fromarray(picture).save(tmp_path / "small.jpg", quality=20)
    choice = () if loss is None else ("--loss", loss)
    words = ("dejpeg", "small.jpg", *choice, "--config", "tiny.json", "-o", "out.png", "--json")
    code, out, _ = call(*words)
    assert code == 0
    assert json.loads(out)["noise"]["model"] == model
    assert io.read_image(tmp_path / "out.png").shape == picture.shape


@pytest.mark.parametrize("known", [True, False], ids=["in the file", "as an option"])
def test_a_psf_is_resampled_to_the_voxel_size_of_the_image(call, tmp_path, known):
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


def test_a_psf_voxel_size_of_zero_is_refused(call, tmp_path, noisy):
    io.write_image(tmp_path / "psf.ome.tif", Image(np.eye(5, dtype=np.float32), "YX"))
    code, _, err = call("deconvolve", noisy, "--psf", "psf.ome.tif", "--psf-voxel-size", "0")
    assert code == 2
    assert "sizes above 0" in err


def test_bins_need_a_jpeg_file(call, noisy):
    code, _, err = call("dejpeg", noisy, "--loss", "bins", "--config", "tiny.json")
    assert code == 3
    assert "no quantisation tables" in err


# Compare


def test_compare_writes_a_table_a_figure_and_every_result(call, noisy, tmp_path):
    tifffile.imwrite(tmp_path / "clean.tif", waves((24, 20)).astype(np.float32))
    words = ("compare", noisy, "--config", "tiny.json", "--reference", "clean.tif")
    code, out, _ = call(*words, "--json")
    rows = json.loads(out)["rows"]
    assert code == 0
    assert [row["method"] for row in rows][:2] == ["Deep Image Prior", "total variation"]
    folder = tmp_path / "noisy_compare"
    assert json.loads((folder / "table.json").read_text())["rows"] == rows
    truth = waves((24, 20)).astype(np.float32)
    for row in rows:
        written = io.read_image(folder / f"{row['method'].lower().replace(' ', '_')}.ome.tif")
        assert row["psnr"] == pytest.approx(metrics.psnr(written.data, truth))
    assert (folder / "figure.png").stat().st_size > 1000
    code, _, err = call(*words)
    assert code == 2
    assert "--overwrite" in err


def test_compare_prints_a_table_without_a_reference(call, noisy):
    code, out, _ = call("compare", noisy, "--config", "tiny.json")
    assert code == 0
    assert out.splitlines()[0].split() == ["method", "psnr", "ssim", "seconds"]


@pytest.mark.parametrize(
    ("words", "method", "shape"),
    [
        (("inpaint", "--mask", "mask.tif"), "biharmonic", (24, 20)),
        (("super-resolve", "--factor", "2"), "lanczos", (48, 40)),
        (("deconvolve", "--sigma", "1"), "richardson-lucy", (24, 20)),
        (("dejpeg",), "non-local_means", (24, 20)),
        (("guided", "--guide", "noisy.tif"), "total_variation", (24, 20)),
        (("fourier", "--mask", "columns.npy"), "zero-filled", (24, 20)),
    ],
)
def test_compare_knows_every_task(call, noisy, tmp_path, words, method, shape):
    mask = np.zeros((24, 20), np.uint8)
    mask[4:7, 5:9] = 1
    tifffile.imwrite(tmp_path / "mask.tif", mask)
    np.save(tmp_path / "columns.npy", np.tile(np.arange(20) % 2 == 0, (24, 1)))
    code, out, err = call("compare", noisy, "--config", "tiny.json", "--json", "--task", *words)
    assert code == 0, err
    assert json.loads(out)["report"]["task"] == words[0]
    folder = tmp_path / "noisy_compare"
    assert io.read_image(folder / f"{method}.ome.tif").shape == shape
    assert (folder / "figure.png").stat().st_size > 1000


def test_compare_never_overwrites_what_it_reads(call, noisy, tmp_path):
    (tmp_path / "out").mkdir()
    tifffile.imwrite(tmp_path / "out" / "biharmonic.ome.tif", np.eye(24, 20, dtype=np.uint8))
    words = ("--mask", "out/biharmonic.ome.tif", "-o", "out", "--overwrite")
    code, _, err = call("compare", noisy, "--task", "inpaint", *words)
    assert code == 2
    assert "biharmonic" in err


def test_compare_refuses_missing_pixels(call, tmp_path):
    values = noisy_waves((24, 20))
    values[3, 3] = np.nan
    np.save(tmp_path / "hole.npy", values)
    code, _, err = call("compare", tmp_path / "hole.npy")
    assert code == 3
    assert "inpaint" in err


def test_a_saved_configuration_repeats_a_run_over_volumes(call, tmp_path, noisy):
    stack = np.random.default_rng(0).poisson(50, (3, 24, 20)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "stack.tif", stack, imagej=True, metadata={"axes": "ZYX"})
    words = ("super-resolve", "stack.tif", "--factor", "z=2", "--overwrite")
    assert call(*words, "--config", "tiny.json", "--save-config", "saved.json")[0] == 0
    assert json.loads((tmp_path / "saved.json").read_text())["dims"] == 3
    assert call(*words, "--config", "saved.json")[0] == 0


def test_tiles_are_asked_for_and_reported(call, noisy):
    options = ("--config", "tiny.json", "--tile", "16", "--overlap", "4", "--json")
    code, out, _ = call("denoise", noisy, *options)
    report = json.loads(out)
    assert code == 0
    told = {"tile", "overlap", "tiles", "skipped", "seam_ratio", "seam_chance"}
    assert report["tiling"].keys() == told
    assert (report["tiling"]["tile"], report["tiling"]["tiles"]) == (16, 4)
    np.save("columns.npy", np.tile(np.arange(20) % 2 == 0, (24, 1)))
    code, _, err = call("fourier", noisy, "--mask", "columns.npy", *options)
    assert code == 2
    assert "Got tiles of 16 pixels for fourier" in err
