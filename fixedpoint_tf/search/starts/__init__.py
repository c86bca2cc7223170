"""Places where descents start: the user's states, the region around them, further ones."""
