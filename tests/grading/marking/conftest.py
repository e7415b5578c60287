"""One release for all tests of marking: each works on a copy."""

import shutil

import pytest
from class_helpers import NAME, small_lesson
from marking_helpers import hand_in_all

from mnistkit.grading import course_folder as courses
from mnistkit.grading.release.command import Assignment, release


@pytest.fixture(scope="session")
def released(tmp_path_factory):
    """Release the small lesson; give the course's folder."""
    folder = tmp_path_factory.mktemp("marking")
    courses.open_course(folder / "course")
    release(Assignment(NAME, (small_lesson(folder),)), folder / "course")
    return folder / "course"


@pytest.fixture(scope="session")
def make_course(released, tmp_path_factory):
    """Give what makes a course with answers to the question in words, by student."""

    def make(answers):
        course = shutil.copytree(released, tmp_path_factory.mktemp("course") / "course")
        hand_in_all(course, answers)
        return course

    return make
