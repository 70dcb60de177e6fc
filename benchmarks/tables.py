"""Make the tables of the literature with this package and with baselines of the same run.

    python -m benchmarks.tables TABLE FOLDER_OF_DATA [--crop 128] [--presets balanced] [--names ...]

TABLE is one of the functions below. Each row is printed as soon as it is known, and the
means at the end. All values, those of baselines too, are cached in tables.json, so that a
long table can be made in parts. `published` is the value of the paper for the whole image.
With --crop it is another image: compare with the baselines of the same crop.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from benchmarks.rows import Case, baseline, mean, middle, ours, show, theirs
from scipy import ndimage
from skimage import restoration
from skimage.io import imread

from napari_dip import DipConfig, Image, metrics
from napari_dip.core.noise.estimation import estimate_mean_variance
from napari_dip.core.operators.downsample import Downsample
from napari_dip.core.operators.kspace import least_variation
from napari_dip.core.operators.psf.kernel import gaussian_psf
from napari_dip.core.tasks import Deconvolve, Denoise, Inpaint, ReconstructKSpace, SuperResolve
from napari_dip.io.images import read_image

CACHE = Path("tables.json")
SET9 = ("House", "Peppers", "Lena", "Baboon", "F16", "kodim01", "kodim02", "kodim03", "kodim12")
SET5 = {"baby": 31.49, "bird": 31.80, "butterfly": 26.23, "head": 31.04, "woman": 28.93}
MRI_BRAINS = ("01", "25", "45")
MRI_MASKS = ("columns", "gauss1d_30", "gauss2d_30", "gauss2d_10", "poisson2d_20")
SET5_X8 = {"baby": 28.28, "bird": 27.09, "butterfly": 20.02, "head": 29.55, "woman": 24.50}
SET14 = {
    "baboon": 22.29, "barbara": 25.53, "bridge": 24.38, "coastguard": 25.81, "comic": 22.18,
    "face": 31.02, "flowers": 26.14, "foreman": 31.66, "lenna": 30.83, "man": 26.09,
    "monarch": 29.98, "pepper": 32.08, "ppt3": 24.38, "zebra": 25.71,
}  # fmt: skip
GREY = {
    "barbara": 32.22, "boat": 33.06, "house": 39.16, "lena": 36.16, "peppers": 33.05,
    "cameraman": 29.80, "couple": 32.52, "fingerprint": 32.84, "hill": 32.77, "man": 32.20,
    "montage": 34.54,
}  # fmt: skip


def denoisers(noisy: np.ndarray, sigma: float | None = None) -> dict[str, Callable[[], np.ndarray]]:
    """Return the denoising baselines of the product, with BM3D for colour images."""
    names = ("total variation", "non-local means", "wavelet", "BM3D")
    methods = {name: baseline(name, noisy, Denoise(), sigma) for name in names}
    if noisy.ndim == 3:
        methods["BM3D"] = lambda: color_bm3d(noisy, sigma)
    return methods


def color_bm3d(noisy: np.ndarray, sigma: float | None) -> np.ndarray:
    import bm3d

    line = estimate_mean_variance(np.moveaxis(noisy, -1, 0))
    return bm3d.bm3d_rgb(noisy.astype(float), sigma or np.sqrt(line.mean_variance))


def denoising(data: Path, crop: int | None) -> Iterator[Case]:
    """Nine colour images with Gaussian noise of 25; the paper's mean is 30.43 dB."""
    for index, name in enumerate(SET9):
        truth = middle(imread(data / "set9" / f"{name}.png")[..., :3], crop)
        noisy = truth + np.random.default_rng(index).normal(0, 25, truth.shape)
        noisy = np.clip(np.rint(noisy), 0, 255).astype(np.uint8)
        yield Case(name, noisy, truth, Denoise(), None, denoisers(noisy, 25.0))


def microscopy(data: Path, crop: int | None) -> Iterator[Case]:
    """Real noise, default settings; a truth with a scale of its own is matched."""
    folder = data / "microscopy" / "pairs"
    for path in sorted(folder.glob("*_noisy.*")):
        name = path.stem.removesuffix("_noisy")
        noisy = np.squeeze(read_image(path).data)
        truth = np.squeeze(read_image(path.with_stem(f"{name}_clean")).data)
        noisy, truth = middle(noisy, crop), middle(truth, crop)
        matched = truth if "BPAE" in name.upper() else metrics.affine_match(truth, noisy)
        methods = denoisers(noisy)
        methods["BM3D stabilised"] = baseline("BM3D stabilised", noisy, Denoise())
        yield Case(name, noisy, matched, Denoise(), None, methods)


def super_resolution(data: Path, crop: int | None) -> Iterator[Case]:
    """Set5, four times; PSNR of luma without a border of 4 pixels."""
    return enlarging(data / "set5", SET5, 4, crop)


def super_resolution_x8(data: Path, crop: int | None) -> Iterator[Case]:
    """Set5, eight times."""
    return enlarging(data / "set5", SET5_X8, 8, crop)


def super_resolution_set14(data: Path, crop: int | None) -> Iterator[Case]:
    """Set14, four times."""
    return enlarging(data / "set14", SET14, 4, crop)


def enlarging(
    folder: Path, published: dict[str, float], factor: int, crop: int | None
) -> Iterator[Case]:
    """Pictures made smaller by a Lanczos filter."""
    from PIL import Image as Picture

    for name, value in published.items():
        whole = imread(folder / f"{name}.png")
        whole = np.dstack([whole] * 3) if whole.ndim == 2 else whole[..., :3]
        truth = middle(whole, crop, factor)
        height, width = (n // factor for n in truth.shape[:2])
        coarse = np.asarray(
            Picture.fromarray(truth).resize((width, height), Picture.Resampling.LANCZOS)
        )
        task = SuperResolve(factor)
        baselines = {name: baseline(name, coarse, task) for name in ("bicubic", "Lanczos")}
        baselines["total variation"] = lambda y=coarse: enlarged_by_total_variation(y, factor)
        yield Case(name, coarse, truth, task, value, baselines, luma_psnr)


def enlarged_by_total_variation(coarse: np.ndarray, factor: int) -> np.ndarray:
    """Alternate between adding back the misfit of the operator and total variation."""
    operator = Downsample((factor, factor))
    enlarged = lambda y: baseline("bicubic", y, SuperResolve(factor))()  # noqa: E731
    estimate = enlarged(coarse)
    for _ in range(30):
        planes = torch.from_numpy(np.moveaxis(estimate, -1, 0).copy())[None]
        missed = coarse - np.moveaxis(operator(planes)[0].numpy(), 0, -1)
        estimate = estimate + enlarged(missed)
        unit = restoration.denoise_tv_chambolle(estimate / 255, 0.005, channel_axis=-1)
        estimate = unit * 255
    return estimate


def inpainting(data: Path, crop: int | None) -> Iterator[Case]:
    """Half of the pixels missing at random."""
    for index, (name, published) in enumerate(GREY.items()):
        truth = middle(imread(data / "grey_inpainting" / f"{name}.png", as_gray=False), crop)
        missing = np.random.default_rng(index).random(truth.shape) < 0.5
        observed = np.where(missing, 0, truth).astype(np.uint8)
        task = Inpaint(missing)
        baselines = {"biharmonic": baseline("biharmonic", observed, task)}
        yield Case(name, observed, truth, task, published, baselines)


def deconvolution(data: Path, crop: int | None) -> Iterator[Case]:
    """Clean fluorescence, blurred by a Gaussian of 2 pixels, with photon noise."""
    folder = data / "microscopy" / "pairs"
    for index, name in enumerate(("fmd_BPAE_G", "fmd_BPAE_R", "fmd_BPAE_B")):
        truth = middle(np.squeeze(read_image(folder / f"{name}_clean.tif").data), crop)
        truth = truth.astype(float)
        blurred = ndimage.gaussian_filter(truth, 2)
        noisy = np.random.default_rng(index).poisson(2 * blurred) / 2
        task, psf = Deconvolve(sigma=2.0), gaussian_psf((2.0, 2.0))
        baselines = {
            f"richardson_lucy_{n}": lambda y=noisy, n=n, h=psf: restoration.richardson_lucy(
                y / 300, h, n, clip=False
            ) * 300
            for n in (5, 10, 20)
        }  # fmt: skip
        yield Case(name, noisy.astype(np.float32), truth, task, None, baselines)


def mri(data: Path, crop: int | None) -> Iterator[Case]:
    """Brains with some recorded frequencies, which total variation keeps too."""
    for name, kind in itertools.product(MRI_BRAINS, MRI_MASKS):
        truth = middle(imread(data / "medical" / f"brain_test_{name}.png"), crop).astype(float)
        size = truth.shape[0]
        if kind == "columns":
            mask = np.arange(size) % 4 == 0
            mask[size // 2 - size // 25 : size // 2 + size // 25] = True
        else:
            mask = imread(data / "medical" / "masks" / f"kspace_{kind}.png") > 0
            mask = mask[:: mask.shape[0] // size, :: mask.shape[0] // size]
        task = ReconstructKSpace(mask)
        zero_filled = task.observe(Image(truth, "YX")).data
        baselines = {"total variation": lambda y=zero_filled, t=task: least_total_variation(y, t)}
        yield Case(f"{name} {kind}", zero_filled, truth, task, None, baselines, brightness_psnr)


def least_total_variation(zero_filled: np.ndarray, task: ReconstructKSpace) -> np.ndarray:
    """Return the image of least total variation that has the recorded frequencies."""
    operator = task.operator(Image(zero_filled, "YX"), "YX")
    unit = torch.from_numpy(zero_filled / 255).float()[None, None]
    spectrum, recorded = operator.measured(unit, torch.ones_like(unit, dtype=torch.bool))
    return 255 * least_variation(operator, spectrum, recorded.float())[0, 0].numpy()


def brightness_psnr(estimate: np.ndarray, truth: np.ndarray) -> float:
    """Return the PSNR of a picture with 8 bits."""
    return float(10 * np.log10(255**2 / np.mean((estimate - truth) ** 2)))


def luma_psnr(estimate: np.ndarray, truth: np.ndarray) -> float:
    """Return the PSNR of luma (BT.601, 16 to 235) without a border of 4 pixels."""
    weights = np.array([65.481, 128.553, 24.966]) / 255
    ours, theirs = (
        (np.clip(np.asarray(values, float), 0, 255) @ weights + 16)[4:-4, 4:-4]
        for values in (estimate, truth)
    )
    return float(10 * np.log10(255**2 / np.mean((ours - theirs) ** 2)))


TABLES = {
    table.__name__: table
    for table in (
        denoising,
        microscopy,
        super_resolution,
        super_resolution_x8,
        super_resolution_set14,
        inpainting,
        deconvolution,
        mri,
    )
}


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", choices=TABLES)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--crop", type=int)
    parser.add_argument("--presets", nargs="+", default=["balanced"])
    parser.add_argument("--names", nargs="+")
    parser.add_argument("--max-iterations", type=int)
    arguments = parser.parse_args()
    rows: list[dict[str, object]] = []
    for case in TABLES[arguments.table](arguments.folder, arguments.crop):
        if arguments.names and case.name not in arguments.names:
            continue
        row: dict[str, object] = {"name": case.name, "published": case.published}
        if case.observed.shape == case.truth.shape:
            row["observed"] = case.judge(case.observed, case.truth)
        for name in case.baselines:
            found = theirs(case, name, CACHE)
            row |= {name: found["psnr"], f"{name} s": found["seconds"]}
        for preset in arguments.presets:
            config = DipConfig(preset=preset, max_iterations=arguments.max_iterations)
            row |= {f"{preset} {key}": value for key, value in ours(case, config, CACHE).items()}
        show(row, header=not rows)
        rows.append(row)
    show(mean(rows))


if __name__ == "__main__":
    main()
