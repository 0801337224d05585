"""From any log to batches: interactions, filters, sequences, splits."""
