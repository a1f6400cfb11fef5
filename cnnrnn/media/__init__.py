"""Pixels in: pictures, sources of pictures, and drawing on them."""
