"""Changing an environment: plan it, then carry it out."""
