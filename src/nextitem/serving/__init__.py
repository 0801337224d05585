"""serving: a finished run answers over HTTP, with a page to try it."""
