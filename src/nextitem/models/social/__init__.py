"""Models of who trusts whom: what friends like spreads to a user. One model a file."""
