"""What is done with each kind of report: one file per chapter of the standard."""
