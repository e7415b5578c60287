"""The formats in which data sets are stored: reading and writing."""
