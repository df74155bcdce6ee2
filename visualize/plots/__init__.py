"""Pictures of every figure; the only modules here that use matplotlib."""
