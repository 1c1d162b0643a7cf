"""What several rooms share; imports no other room."""
