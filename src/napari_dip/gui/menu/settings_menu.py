"""Menu of settings: reset, load, save, copy as a command or script, diagnose."""

# Qt classes have no types for mypy, hence the ignored subclassing below.
import json
from collections.abc import Callable
from pathlib import Path

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QApplication, QFileDialog, QMenu, QPushButton

from napari_dip.errors import NapariDipError
from napari_dip.gui.form.form import Form
from napari_dip.gui.job.job import Job, job
from napari_dip.gui.menu.tour import has_tours, start_tour
from napari_dip.gui.session import export_code
from napari_dip.gui.session.settings import Settings, load, remembered, save
from napari_dip.gui.widgets.notify import notify

_FILTER = "Settings (*.json)"


class SettingsMenu(QPushButton):  # type: ignore[misc]
    """Button with a menu for the settings of a form, and for what concerns several layers.

    Parameters
    ----------
    form : Form
        Form with the settings.

    Attributes
    ----------
    reported : Signal(str)
        Message about the last action.
    all_requested : Signal()
        Restore all image layers.
    undo_requested : Signal()
        Remove the layers of the last run.
    """

    reported = Signal(str)
    all_requested = Signal()
    undo_requested = Signal()

    def __init__(self, form: Form) -> None:
        super().__init__("Settings")
        self._form = form
        self.setObjectName("settings")
        self.setToolTip("Reset, load or save the settings, or copy them as code.")
        menu = QMenu(self)
        menu.setToolTipsVisible(True)
        entries = [
            ("Reset", "Set everything but the layer to its default.", self.reset),
            ("Load…", "Read settings or the report of a result from a JSON file.", self._load),
            ("Save…", "Write the settings to a JSON file, without layers.", self._save),
            (
                "Copy as command line",
                "Copy a command that gives the same result.",
                self.copy_command,
            ),
            ("Copy as Python", "Copy a script that gives the same result.", self.copy_python),
            ("Diagnose", "Copy versions, devices and memory for a problem report.", self._info),
        ]
        if has_tours():
            entries.append(("Take a tour", "Explain the parts of this dock.", self._tour))
        entries += [
            (
                "Run on all layers",
                "Restore every image layer that suits the task, but no results.",
                self.all_requested,
            ),
            ("Undo the last run", "Remove the layers that it added.", self.undo_requested),
        ]
        for text, tip, action in entries:
            entry = menu.addAction(text)
            entry.setToolTip(tip)
            entry.triggered.connect(action)
        self.setMenu(menu)

    @property
    def settings(self) -> Settings:
        """Settings in the form; can be set."""
        return Settings(self._form.config, self._form.task)

    @settings.setter
    def settings(self, settings: Settings) -> None:
        self._form.config = settings.config
        self._form.task = settings.task

    def recall(self) -> None:
        """Load the settings of the last session."""
        self.settings = remembered()

    def reset(self, *_: object) -> None:
        """Set everything but the layer to its default."""
        self._form.reset()
        self.reported.emit("All settings have their defaults.")

    def load(self, file: Path) -> None:
        """Read settings from a file."""
        self._report(lambda: self._read(file))

    def _read(self, file: Path) -> str:
        self.settings = load(file)
        return f"Settings of {file.name} loaded."

    def save(self, file: Path) -> None:
        """Write the settings to a file."""
        self._report(lambda: self._write(file))

    def _write(self, file: Path) -> str:
        save(self.settings, file)
        return f"Settings saved as {file.name}."

    def copy_command(self, *_: object) -> None:
        """Copy a command that gives the same result to the clipboard."""
        self._copy("Command", lambda: export_code.as_command(self._job()))

    def copy_python(self, *_: object) -> None:
        """Copy a script that gives the same result to the clipboard."""
        self._copy("Script", lambda: export_code.as_python(self._job()))

    def _job(self) -> Job:
        return job(self._form.choices, self._form.layer)

    def _info(self, *_: object) -> None:
        def describe() -> str:
            from napari_dip.diagnostics import describe_machine

            return json.dumps(describe_machine(), indent=2)

        self._copy("Description of this machine", describe)

    def _tour(self, *_: object) -> None:
        start_tour(self.parentWidget())

    def _copy(self, name: str, make: Callable[[], str]) -> None:
        def copy() -> str:
            QApplication.clipboard().setText(make())
            return f"{name} copied."

        self._report(copy)

    def _load(self, *_: object) -> None:
        name, _filter = QFileDialog.getOpenFileName(self, "Load settings", "", _FILTER)
        if name:
            self.load(Path(name))

    def _save(self, *_: object) -> None:
        name, _filter = QFileDialog.getSaveFileName(self, "Save settings", "dip.json", _FILTER)
        if name:
            self.save(Path(name))

    def _report(self, action: Callable[[], str]) -> None:
        try:
            text = action()
        except (NapariDipError, OSError) as error:
            text = notify(error)
        self.reported.emit(text)
