"""Publishes a figure, here to stderr."""

import sys

print(f"revenue, {sys.argv[1]}: {sys.argv[2]}", file=sys.stderr)
