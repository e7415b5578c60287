"""Executing notebooks and keeping what came of it."""
