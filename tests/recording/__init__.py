"""Recordings: written, cut short, tampered with, read back."""
