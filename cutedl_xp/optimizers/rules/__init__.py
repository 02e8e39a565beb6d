"""Update rules, one a file."""
