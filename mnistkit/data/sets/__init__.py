"""The data sets themselves: one module each, and what stands in for them."""
