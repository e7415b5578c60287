"""When assignments are due, for whom, and what lateness costs."""
