from __future__ import annotations

from types import SimpleNamespace

import dask.array as da
import numpy as np
import pytest
import tifffile
from napari.layers import Image as ImageLayer
from napari.layers._source import layer_source

from napari_dip.core.image.image import Image, as_image
from napari_dip.errors import AxesError, InputError
from napari_dip.gui.job.layer_image import as_shown, image_of, plane_of, result_kwargs, shown_dtype
from napari_dip.io.images import write_image


def stack(shape=(2, 3, 4, 5), **options):
    return ImageLayer(np.arange(np.prod(shape), dtype=np.uint16).reshape(shape), **options)


@pytest.mark.parametrize(
    ("shape", "labels", "axes"),
    [
        pytest.param((4, 5), None, "YX", id="plane"),
        pytest.param((3, 4, 5), None, "ZYX", id="stack"),
        pytest.param((2, 2, 3, 4, 5), None, "TZCYX", id="five dimensions"),
        pytest.param((3, 4, 5), ("t", "y", "x"), "TYX", id="letters"),
        pytest.param((3, 4, 5), ("Time", " row ", "COL"), "TYX", id="words"),
        pytest.param((3, 4, 5), ("channel", "y", "x"), "CYX", id="channels"),
        pytest.param((4, 5, 3), ("x", "y", "z"), "XYZ", id="any order"),
        pytest.param((3, 4, 5), ("-3", "y", "x"), "ZYX", id="not all are named"),
        pytest.param((3, 4, 5), ("y", "y", "x"), "ZYX", id="named twice"),
        pytest.param((4, 5), ("z", "x"), "YX", id="a section is a plane"),
    ],
)
def test_reads_axes_from_labels_or_default_order(shape, labels, axes):
    assert image_of(stack(shape, axis_labels=labels)).axes == axes


def test_given_axes_override_labels():
    layer = stack((3, 4, 5), axis_labels=("z", "y", "x"))
    assert image_of(layer, "tyx").axes == "TYX"


def test_given_axes_replace_a_refused_default():
    layer = stack((1, 1, 1, 1, 4, 5))
    with pytest.raises(AxesError, match="6 dimensions"):
        image_of(layer)
    with pytest.raises(AxesError, match="TZCYX"):
        image_of(layer, "TZCYX")


@pytest.mark.parametrize("samples", [3, 4])
def test_rgb_samples_are_the_last_axis(samples):
    layer = ImageLayer(np.zeros((2, 4, 5, samples), np.uint8), rgb=True, scale=(3, 2, 2))
    image = image_of(layer)
    assert (image.axes, image.rgb) == ("ZYXS", True)
    assert image.voxel_size == {"Z": 3.0, "Y": 2.0, "X": 2.0}


def test_grey_with_opacity_has_samples_and_no_planes():
    image = image_of(ImageLayer(np.zeros((4, 5, 2), np.uint8), scale=(2, 2, 2)))
    assert (image.axes, image.voxel_size) == ("YXS", {"Y": 2.0, "X": 2.0})


def test_reads_voxel_size_and_units():
    layer = stack(
        (2, 3, 4, 5),
        scale=(2.0, 0.3, -0.1, 0.1),
        units=("s", "um", "um", "um"),
        axis_labels=("t", "z", "y", "x"),
    )
    image = image_of(layer)
    assert image.voxel_size == {"T": 2.0, "Z": 0.3, "Y": 0.1, "X": 0.1}
    assert image.units == {
        "T": "second",
        "Z": "micrometer",
        "Y": "micrometer",
        "X": "micrometer",
    }


def test_a_layer_in_pixels_has_no_voxel_size():
    image = image_of(stack((4, 5)))
    assert (image.voxel_size, image.units) == ({}, {})


def test_a_multiscale_layer_gives_its_finest_level():
    fine = np.zeros((16, 16), np.float32)
    layer = ImageLayer([fine, fine[::2, ::2]], multiscale=True, scale=(0.5, 0.5))
    image = image_of(layer)
    assert image.shape == (16, 16)
    assert image.voxel_size == {"Y": 0.5, "X": 0.5}
    assert result_kwargs(layer, "denoise")["multiscale"] is False


def test_reads_position_of_a_translated_layer():
    moved = {"scale": (0.5, 0.5), "translate": (120.0, -240.0), "units": ("um", "um")}
    assert image_of(stack((4, 5), **moved)).position == {"Y": 120.0, "X": -240.0}
    assert image_of(stack((4, 5))).position == {}
    for turned in ({"rotate": 30}, {"scale": (0.5, -0.5)}):
        assert image_of(stack((4, 5), **{**moved, **turned})).position == {}


def test_lazy_data_stay_lazy():
    def refuse(*_, **__):
        raise AssertionError("pixels were read")

    lazy = da.zeros((3, 4, 5), chunks=(1, 4, 5)).map_blocks(refuse, dtype=float, meta=np.empty(0))
    # napari reads the displayed plane of a real layer.
    layer = SimpleNamespace(
        data=lazy,
        multiscale=False,
        rgb=False,
        axis_labels=("z", "y", "x"),
        scale=(1, 1, 1),
        units=("pixel",) * 3,
        ndim=3,
        translate=np.zeros(3),
        data_to_world=np.asarray,
        source=SimpleNamespace(path=None),
        metadata={},
        name="lazy",
    )
    image = image_of(layer)
    assert image.data is lazy
    plane, origin = plane_of(image, (2.0, 0.0, 0.0), joint=False)
    assert (plane.shape, origin) == ((1, 4, 5), [2, 0, 0])


def test_one_plane_keeps_all_axes_and_pixels():
    data = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)
    plane, origin = plane_of(as_image(data, "TZYX"), (1.0, 1.6, 3.0, 3.0), joint=False)
    assert plane.axes == "TZYX"
    assert origin == [1, 2, 0, 0]
    np.testing.assert_array_equal(plane.data, data[1:2, 2:3])


@pytest.mark.parametrize(("joint", "channels"), [(True, 3), (False, 1)])
def test_one_plane_has_all_channels_if_they_are_fitted_jointly(joint, channels):
    image = as_image(np.zeros((2, 3, 4, 5)), "TCYX")
    plane, _ = plane_of(image, (1.0, 2.0, 0.0, 0.0), joint=joint)
    assert plane.shape == (1, channels, 4, 5)


def test_one_plane_of_rgb_has_all_samples():
    plane, origin = plane_of(as_image(np.zeros((2, 4, 5, 3)), "ZYXS"), (1.0, 0.0, 0.0), joint=False)
    assert (plane.shape, origin) == ((1, 4, 5, 3), [1, 0, 0, 0])


def test_sliders_outside_the_image_are_refused():
    with pytest.raises(InputError, match=r"outside an image of shape \(2, 4, 5\)"):
        plane_of(as_image(np.zeros((2, 4, 5))), (7.0, 0.0, 0.0), joint=False)


_RANDOM = np.random.default_rng(0)
_TURN, _ = np.linalg.qr(_RANDOM.normal(size=(3, 3)))
_AFFINE = np.eye(4) + 0.2 * _RANDOM.normal(size=(4, 4)) * [[1], [1], [1], [0]]


@pytest.mark.parametrize(
    "transform",
    [
        pytest.param({}, id="none"),
        pytest.param({"scale": (3, 0.5, -0.5), "translate": (1, 2, 3)}, id="scale"),
        pytest.param({"scale": (3, 0.5, 0.5), "rotate": _TURN}, id="rotate"),
        pytest.param({"scale": (3, 0.5, 0.5), "shear": (0.1, 0.2, 0.3)}, id="shear"),
        pytest.param({"scale": (3, 0.5, 0.5), "affine": _AFFINE}, id="affine"),
        pytest.param(
            {"scale": (3, 1, 2), "translate": (1, 2, 3), "rotate": _TURN, "affine": _AFFINE},
            id="all",
        ),
    ],
)
@pytest.mark.parametrize("origin", [None, [2, 0, 0]])
# napari draws such layers with a warning that it is not exact.
@pytest.mark.filterwarnings("ignore:Non-orthogonal slicing")
def test_a_result_lies_over_its_source(transform, origin):
    source = stack((3, 4, 5), **transform)
    data = source.data[2:3] if origin else source.data
    result = ImageLayer(data, **result_kwargs(source, "denoise", origin))
    for corner in ([0, 0, 0], [0, 3, 4]):
        there = np.add(corner, origin or 0)
        np.testing.assert_allclose(
            result.data_to_world(corner), source.data_to_world(there), atol=1e-9
        )
    np.testing.assert_allclose(result.scale, source.scale)


def test_result_has_the_appearance_of_its_source():
    source = stack(
        (3, 4, 5),
        name="nuclei",
        units=("um", "um", "um"),
        axis_labels=("z", "y", "x"),
        colormap="magma",
        gamma=0.7,
        blending="additive",
        opacity=0.5,
        contrast_limits=(3, 40),
    )
    result = ImageLayer(source.data.astype(np.float32), **result_kwargs(source, "denoise"))
    assert result.name == "nuclei_denoise"
    for name in ("units", "axis_labels", "gamma", "blending", "opacity", "contrast_limits"):
        assert getattr(result, name) == getattr(source, name)
    assert result.colormap.name == "magma"


def test_a_later_change_of_the_source_does_not_move_the_result():
    source = stack((3, 4, 5), scale=(1, 2, 3))
    kwargs = result_kwargs(source, "denoise")
    source.scale = (9, 9, 9)
    source.translate = (9, 9, 9)
    np.testing.assert_array_equal(kwargs["scale"], (1, 2, 3))
    np.testing.assert_array_equal(kwargs["translate"], (0, 0, 0))


@pytest.mark.parametrize("name", ["", "Zellkern ä/ö: ..", "n" * 300])
def test_accepts_any_layer_name(name):
    layer = stack((4, 5), name=name)
    assert result_kwargs(layer, "denoise")["name"] == f"{layer.name}_denoise"


def test_a_grey_result_is_float32_and_rgb_keeps_its_dtype():
    values = np.array([[-4.0, 99.6, 300.0]], np.float32)
    grey = as_image(np.zeros((1, 3), np.uint8))
    assert as_shown(values, grey) is values
    colour = as_image(np.zeros((1, 1, 3), np.uint8), "YXS")
    assert shown_dtype(colour) == np.uint8
    np.testing.assert_array_equal(as_shown(values, colour), [[0, 100, 255]])


def test_source_is_the_file_or_the_name_of_the_layer():
    assert image_of(stack((4, 5), name="Holes")).source == "Holes"
    with layer_source(path="holes.npy"):
        layer = stack((4, 5))
    assert image_of(layer).source == "holes.npy"


@pytest.fixture
def file_layer(tmp_path):
    """Return a function that writes a TIFF and opens it as napari does: the stored array only."""

    def file_layer(image, name="image.tif", **options):
        path = tmp_path / name
        write_image(path, image, overwrite=True)
        with layer_source(path=str(path)):
            return ImageLayer(tifffile.imread(path), **options)

    return file_layer


def calibrated(axes, voxel_size):
    data = np.arange(3 * 8 * 9, dtype=np.uint16).reshape(3, 8, 9)
    return Image(data, axes, voxel_size, dict.fromkeys(voxel_size, "micrometer"))


@pytest.mark.parametrize("name", ["image.tif", "image.ome.tif"])
def test_axes_and_voxel_size_come_from_the_file(file_layer, name):
    image = image_of(file_layer(calibrated("CYX", {"Y": 0.5, "X": 0.5}), name))
    assert (image.axes, image.voxel_size) == ("CYX", {"Y": 0.5, "X": 0.5})
    image = image_of(file_layer(calibrated("ZYX", {"Z": 3.0, "Y": 0.5, "X": 0.5}), f"z{name}"))
    assert (image.axes, image.voxel_size) == ("ZYX", {"Z": 3.0, "Y": 0.5, "X": 0.5})
    assert image.units == dict.fromkeys("ZYX", "micrometer")


def test_scale_and_labels_of_the_layer_precede_its_file(file_layer):
    file = calibrated("ZYX", {"Z": 3.0, "Y": 0.5, "X": 0.5})
    scaled = image_of(file_layer(file, scale=(2, 1, 1)))
    assert (scaled.axes, scaled.voxel_size) == ("ZYX", {"Z": 2.0})
    labelled = image_of(file_layer(file, axis_labels=("t", "y", "x")))
    assert (labelled.axes, labelled.voxel_size) == ("TYX", {"Y": 0.5, "X": 0.5})
    assert image_of(file_layer(file), "TYX").voxel_size == {"Y": 0.5, "X": 0.5}


def test_a_layer_of_another_shape_than_its_file_has_default_axes(file_layer):
    layer = file_layer(calibrated("CYX", {"Y": 0.5, "X": 0.5}))
    layer.data = layer.data[:2]
    assert (image_of(layer).axes, image_of(layer).voxel_size) == ("ZYX", {})


def test_a_result_has_the_axes_and_voxel_size_of_its_image(file_layer):
    source = file_layer(calibrated("CYX", {"Y": 0.5, "X": 0.5}))
    result = ImageLayer(
        np.zeros((3, 16, 18)), **result_kwargs(source, "enlarge", factors={"Y": 2, "X": 2})
    )
    assert (image_of(result).axes, image_of(result).voxel_size) == ("CYX", {"Y": 0.25, "X": 0.25})
    assert image_of(result).units == dict.fromkeys("YX", "micrometer")
