"""A log in any frame: interactions, their times and ratings, filters."""
