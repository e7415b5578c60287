"""`mnistkit assignment release`: from lessons to what students are given."""
