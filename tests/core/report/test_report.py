from __future__ import annotations

import numpy as np

from napari_dip import restore
from napari_dip.api import finish
from napari_dip.core.image.image import Image
from napari_dip.core.records import Report
from tests.tiny import noisy_waves, tiny_config

STACK = Image(np.stack([noisy_waves((16, 16)), np.ones((16, 16)), noisy_waves((16, 16))]), "ZYX")


def report_of(image=STACK, **choices):
    return finish(restore(image, config=tiny_config(3, **choices))).report


def test_report_is_equal_to_the_one_read_from_its_json():
    report = report_of()
    read = Report.model_validate(report.as_json())
    assert read == report


def test_reads_a_report_with_the_former_name_of_the_rule_sure():
    written = report_of(stop="sure").as_json()
    written["config"]["stop"] = "risk"
    assert Report.model_validate(written).config.stop == "sure"


def test_sums_the_iterations_of_all_blocks_and_runs():
    report = report_of(runs=2)
    assert [block.index for block in report.blocks] == [0, 2]
    assert [block.iterations for block in report.blocks] == [6, 6]
    assert report.iterations == 12
    assert report.seconds_per_iteration > 0


def test_leaves_out_quality_figures_without_a_reference():
    assert not {"psnr", "ssim", "best_psnr", "best_iteration"} & report_of().as_json().keys()
