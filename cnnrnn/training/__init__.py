"""Fitting a model, the folder that keeps a run, and its report."""
