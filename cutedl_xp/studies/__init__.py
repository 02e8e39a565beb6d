"""Studies: comparisons of optimizers over seeds, learning rates, models and data sets, kept in a folder."""
