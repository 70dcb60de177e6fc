from __future__ import annotations

import sys

from napari_dip.gui.session.preload import preload
from tests.tiny import printed_by


def test_preload_imports_missing_libraries(tmp_path, monkeypatch):
    (tmp_path / "a_slow_library.py").write_text("value = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    preload(["sys", "a_slow_library"]).join()
    assert sys.modules.pop("a_slow_library").value == 1
    assert preload(["sys"]) is None


def test_run_imports_few_modules_after_preload():
    """At most a tenth of the modules are imported later: lazy parts of libraries."""
    code = (
        "import sys; from napari_dip.gui.session.preload import preload;"
        "from napari_dip.gui.run.worker import restore;"
        "from tests.tiny import noisy_waves, tiny_config; from napari_dip import Image;"
        "begin = len(sys.modules); preload().join(); warmed = len(sys.modules);"
        "[*restore(Image(noisy_waves((32, 32)), 'YX'), config=tiny_config(iterations=2))];"
        "print((len(sys.modules) - warmed) / (warmed - begin))"
    )
    assert float(printed_by(code)) < 0.1
