"""`python -m cnnrnn` is the command `cnnrnn`."""

from cnnrnn.cli import main

if __name__ == "__main__":
    main(prog_name="cnnrnn")
