"""Finds out what operations without a rule read, by running them on changed inputs."""
