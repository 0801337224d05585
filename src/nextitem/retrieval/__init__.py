"""Retrieval: the best items of a query, exactly, or from an index that looks at a part of the catalogue."""
