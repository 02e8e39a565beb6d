"""Files on the disk: whole or not there, of named arrays, and of models."""
