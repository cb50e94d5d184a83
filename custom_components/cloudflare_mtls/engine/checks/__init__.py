"""What keeps companion devices from a hostname although its rules let them in."""
