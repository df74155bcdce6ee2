"""Results as JSON, with the command, the versions and the commit that made them."""
