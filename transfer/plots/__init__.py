"""The pictures of the transfer experiments."""
