"""What an instructor does with the notebooks: parameters, runs and reports."""


class CourseError(Exception):
    """A request that can't be carried out as it stands: what was found, what was expected, what to do."""
