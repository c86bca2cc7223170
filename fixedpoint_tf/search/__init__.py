"""The search: from many starts to distinct end points, with evidence for each."""
