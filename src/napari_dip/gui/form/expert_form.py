"""Settings for experts: a collapsed section of fields in groups."""

# Qt and magicgui have no types for mypy, hence the ignored subclassing below.
from collections.abc import Callable, Collection, Mapping
from typing import Any

from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QLabel, QWidget

from napari_dip.config import DipConfig
from napari_dip.gui.form.config_fields import field_widget, find_devices, read
from napari_dip.gui.form.rows import show_row
from napari_dip.gui.widgets.collapsible import Collapsible, column

# Title and fields of each group. A field of the configuration that no part of the form names
# joins the group of the network.
_NETWORK = "Network and stopping"
_GROUPS: dict[str, tuple[str, ...]] = {
    "Noise": ("noise", "gain", "read_noise", "sigma_noise", "stripes"),
    _NETWORK: (
        "start",
        "neighbours",
        "warm_start",
        "stop",
        "max_iterations",
        "time_limit",
        "tune",
    ),
    "Uncertainty": ("runs", "posterior_samples"),
    "Performance": ("device", "precision", "threads", "tile", "overlap"),
    "Reproducibility": ("seed", "deterministic"),
}
_TITLE = "Expert"


def expert_groups(elsewhere: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Return the fields of the configuration of each group, by its title.

    Parameters
    ----------
    elsewhere : collection of str
        Fields that other parts of the form show, or that it hides.
    """
    named = {name for names in _GROUPS.values() for name in names}.union(elsewhere)
    others = tuple(name for name in DipConfig.model_fields if name not in named)
    return {title: names + others * (title == _NETWORK) for title, names in _GROUPS.items()}


class ExpertForm(Collapsible):
    """Collapsed section with the settings that most users never change.

    Parameters
    ----------
    elsewhere : collection of str
        Fields of the configuration that other parts of the form show, or that it hides.
    make_rows : callable
        Puts widgets into labelled rows.

    Attributes
    ----------
    fields : dict of str to magicgui widget
        Fields of all groups, by name.
    """

    def __init__(self, elsewhere: Collection[str], make_rows: Callable[..., QWidget]) -> None:
        super().__init__(_TITLE, "expert")
        self._groups = expert_groups(elsewhere)
        self.fields: dict[str, Any] = {
            name: field_widget(name, DipConfig.model_fields[name])
            for names in self._groups.values()
            for name in names
        }
        self._parts: dict[str, QWidget] = {}
        body = QWidget()
        for title, names in self._groups.items():
            part, heading = QWidget(), QLabel(title)
            font = heading.font()
            font.setBold(True)
            heading.setFont(font)
            column(part, heading, make_rows(*(self.fields[name] for name in names)))
            self._parts[title] = part
        column(body, *self._parts.values())
        self.addWidget(body)
        self.fields["device"].native.installEventFilter(self)

    def show_fields(self, names: Collection[str]) -> None:
        """Show these fields of the configuration and hide the others."""
        for title, group in self._groups.items():
            for name in group:
                show_row(self.fields[name], name in names)
            self._parts[title].setVisible(any(name in names for name in group))

    def count(self, others: Mapping[str, object]) -> None:
        """Show the number of changed settings in the title.

        Parameters
        ----------
        others : mapping of str to object
            Further settings that the section has no field for; those that are not None count.
        """
        default = DipConfig()
        count = sum(read(one) != getattr(default, name) for name, one in self.fields.items())
        count += sum(value is not None for value in others.values())
        self.setText(_TITLE + f" ({count} changed)" * bool(count))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Find the devices when their list is opened."""
        pressed = event.type() in (QEvent.Type.MouseButtonPress, QEvent.Type.KeyPress)
        if pressed and watched is self.fields["device"].native:
            find_devices(self.fields["device"])
        return bool(super().eventFilter(watched, event))
