"""Atomic writes, files of named arrays, and headers of model files."""
