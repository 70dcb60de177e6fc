from __future__ import annotations

import numpy as np
import pytest

from napari_dip.samples import noisy as samples


@pytest.mark.parametrize("make", [samples.cell, samples.fluorescence])
def test_sample_has_noise_and_truth_and_is_reproducible(make):
    sample = make()
    assert sample.image.shape == sample.reference.shape
    assert sample.image.axes == sample.reference.axes
    noise = sample.image.data.astype(float) - sample.reference.data
    assert abs(noise.mean()) < 0.2 * noise.std()
    np.testing.assert_array_equal(sample.image.data, make().image.data)


def test_cell_has_noise_of_standard_deviation_25():
    sample = samples.cell()
    assert np.std(sample.image.data.astype(float) - sample.reference.data) == pytest.approx(25, 0.1)


def test_noise_of_fluorescence_grows_with_the_signal():
    sample = samples.fluorescence()
    noise = sample.image.data.astype(float) - sample.reference.data
    bright = sample.reference.data > np.percentile(sample.reference.data, 95)
    assert noise[bright].std() > 1.5 * noise[~bright].std()
    assert sample.image.dtype == np.uint16


@pytest.mark.parametrize("layers", [samples.napari_cell(), samples.napari_fluorescence()])
def test_napari_sample_has_the_noisy_image_above_its_hidden_truth(layers):
    (truth, truth_options, kind), (noisy, options, _) = layers
    assert kind == "image"
    assert truth_options["visible"] is False
    assert options.get("visible", True)
    assert len(options["axis_labels"]) == noisy.ndim == truth.ndim
