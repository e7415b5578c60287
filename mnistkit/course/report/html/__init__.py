"""How a page is built: its layout, what is let through, formulas and pictures."""
