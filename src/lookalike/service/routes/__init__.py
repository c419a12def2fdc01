"""The native routes, a module for each group."""
