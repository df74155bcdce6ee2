"""Section 2.1: the strongest units of a layer in single photographs."""
