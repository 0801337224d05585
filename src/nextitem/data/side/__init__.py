"""What stands beside a log, as a model learns from it: encoded attributes, a knowledge graph, trust."""
