"""Which images are learnt from and tested, and how answers are scored."""
