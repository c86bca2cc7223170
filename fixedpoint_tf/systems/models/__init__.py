"""Inputs of a recurrent layer from those of the whole model that it stands in."""
