"""The flags of every command: typed, validated, with their defaults. Standard library only."""
