"""Code that several rooms share; imports no other room."""
