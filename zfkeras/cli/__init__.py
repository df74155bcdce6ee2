"""What every command shares: arguments, errors, exit codes, the terminal."""
