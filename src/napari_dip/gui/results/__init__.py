"""Results: live preview, history, plot, comparison and saved reports."""
