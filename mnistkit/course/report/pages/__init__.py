"""The pages of a report, one module each, and what they say about the source reports."""
