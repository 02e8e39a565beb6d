"""Atomic writes, files of named arrays, and the headers of model files."""
