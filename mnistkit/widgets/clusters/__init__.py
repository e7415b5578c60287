"""Explorers of clusterings and embeddings."""
