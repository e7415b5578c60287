"""Explorers of what a network computes and answers, and a place to try one's handwriting."""
