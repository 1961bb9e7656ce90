"""Training: from a config to a model, the same whether it was interrupted, moved or spread."""
