"""The menu of settings: reset, load, save, and copies that give the same result elsewhere."""

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
from napari_dip.gui.session import export_code as recipes
from napari_dip.gui.session.settings import Settings, load, remembered, save
from napari_dip.gui.widgets.notify import tell

_FILTER = "Settings (*.json)"


class SettingsMenu(QPushButton):  # type: ignore[misc]
    """A button with a menu, for the settings of a form.

    Parameters
    ----------
    form : Form

    Attributes
    ----------
    said : Signal(str)
        What was done.
    """

    said = Signal(str)

    def __init__(self, form: Form) -> None:
        super().__init__("Settings")
        self._form = form
        self.setObjectName("settings")
        self.setToolTip("Reset, load or save the settings, or copy them as a command or script")
        menu = QMenu(self)
        menu.setToolTipsVisible(True)
        entries = [
            ("Reset", "Back to the defaults", self.reset),
            ("Load…", "From a JSON file: settings, or the report beside a result", self._load),
            ("Save…", "As a JSON file, without layers", self._save),
            ("Copy as command line", "The same result from a terminal", self.copy_command),
            ("Copy as Python", "The same result from a script", self.copy_python),
            ("Diagnose", "Copy versions, devices and memory, to report a problem", self._info),
        ]
        if has_tours():
            entries.append(("Take a tour", "What is where in this dock", self._tour))
        for text, tip, action in entries:
            entry = menu.addAction(text)
            entry.setToolTip(tip)
            entry.triggered.connect(action)
        self.setMenu(menu)

    @property
    def settings(self) -> Settings:
        """What the form says; can be set."""
        return Settings(self._form.config, self._form.task)

    @settings.setter
    def settings(self, settings: Settings) -> None:
        self._form.config = settings.config
        self._form.task = settings.task

    def recall(self) -> None:
        """Take up the settings of the last session."""
        self.settings = remembered()

    def reset(self, *_: object) -> None:
        """Go back to the defaults of everything but the layer."""
        self._form.reset()
        self.said.emit("All settings are the defaults again.")

    def load(self, file: Path) -> None:
        """Take settings from a file."""
        self._try(lambda: self._take(file))

    def _take(self, file: Path) -> str:
        self.settings = load(file)
        return f"Settings of {file.name}."

    def save(self, file: Path) -> None:
        """Write the settings to a file."""
        self._try(lambda: self._write(file))

    def _write(self, file: Path) -> str:
        save(self.settings, file)
        return f"Settings saved as {file.name}."

    def copy_command(self, *_: object) -> None:
        """Put a command on the clipboard that gives the same result."""
        self._copy("Command", lambda: recipes.as_command(self._job()))

    def copy_python(self, *_: object) -> None:
        """Put a script on the clipboard that gives the same result."""
        self._copy("Script", lambda: recipes.as_python(self._job()))

    def _job(self) -> Job:
        return job(self._form.choices, self._form.layer)

    def _info(self, *_: object) -> None:
        def describe() -> str:
            from napari_dip.diagnostics import describe_machine

            return json.dumps(describe_machine(), indent=2)

        self._copy("Description of this machine", describe)

    def _tour(self, *_: object) -> None:
        start_tour(self.parentWidget())

    def _copy(self, what: str, make: Callable[[], str]) -> None:
        def copy() -> str:
            QApplication.clipboard().setText(make())
            return f"{what} copied."

        self._try(copy)

    def _load(self, *_: object) -> None:
        name, _filter = QFileDialog.getOpenFileName(self, "Load settings", "", _FILTER)
        if name:
            self.load(Path(name))

    def _save(self, *_: object) -> None:
        name, _filter = QFileDialog.getSaveFileName(self, "Save settings", "dip.json", _FILTER)
        if name:
            self.save(Path(name))

    def _try(self, action: Callable[[], str]) -> None:
        try:
            text = action()
        except (NapariDipError, OSError) as error:
            text = tell(error)
        self.said.emit(text)
