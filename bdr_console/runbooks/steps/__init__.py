"""The steps of the runbooks: what each brings about, sends, proves and takes back."""
