"""Checks, files, batched linear algebra and wording that every room shares."""
