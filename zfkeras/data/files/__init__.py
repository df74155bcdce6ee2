"""Image files: where they lie, what they are, and their pixels as RGB."""
