"""The version of this program, which checkpoints, result files and pages state."""

VERSION = "0.1.0"

if __name__ == "__main__":
    print(VERSION)
