"""The steps of the runbooks: what each brings about, sends, proves and takes back."""

__all__ = ["hold"]
"""The modules that other rooms may use."""
