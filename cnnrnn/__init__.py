"""cnnrnn: a convolutional net sees, a recurrent net remembers."""

__version__ = "0.1.0"
