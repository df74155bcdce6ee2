"""The transfer experiments: settings, rows and what the paper reports."""
