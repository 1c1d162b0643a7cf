"""The flags of every command; standard library only."""
