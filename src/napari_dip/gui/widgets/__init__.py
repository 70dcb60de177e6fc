"""Small widgets and notifications that every part of the window uses."""
