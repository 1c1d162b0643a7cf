"""The command-line flags of all commands, with types, defaults and help. Standard library only."""
