"""Captions: a sentence for a picture."""
