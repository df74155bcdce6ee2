"""The images of figures: reading them, parts and objects in them, grey levels."""
