"""Search many networks alike and compare them."""
