"""Tables 2 and 3, one experiment a file: settings, measure, record."""
