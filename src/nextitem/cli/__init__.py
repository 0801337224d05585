"""The command line, a file a group of commands. It knows everything, nothing knows it, and it imports late."""
