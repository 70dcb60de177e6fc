"""Options made from the configuration."""

from __future__ import annotations

from napari_dip.cli.options import Options, configure
from napari_dip.config import DipConfig
from tests.tiny import tiny_config


def test_preset_option_replaces_the_fit_settings_of_the_file(tmp_path):
    file = tmp_path / "complete.json"
    file.write_text(tiny_config().complete().model_dump_json())
    config = configure(Options(preset="fast"), file).complete()
    assert config.preset == "fast"
    chosen = Options(preset="fast", device="cpu", precision="float32", warm_start="off")
    assert config == configure(chosen, None).complete()


def test_every_configuration_field_is_an_option(call):
    _, out, _ = call("denoise", "--help")
    for name in DipConfig.model_fields.keys() - {"fit"}:
        assert f"--{name.replace('_', '-')}" in out
