"""Points of a search, with status and evidence."""
