"""A cluster's state as plain text and as JSON: for `status`, `top`, and terminals that can do no more."""
