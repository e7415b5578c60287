"""The course as a folder for machines without internet, and how it is offered in a lab's own network.

- `command` puts it together;
- `wheels` gets the packages for the systems that are asked for;
- `student_wheel` makes the package for students of it;
- `page` writes the page that says the steps;
- `serve` offers it in the lab's own network.
"""
