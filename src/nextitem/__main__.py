"""`python -m nextitem`, and so `torchrun -m nextitem`."""

from nextitem.cli.main import main

if __name__ == "__main__":
    main()
