"""A twist: Fashion-MNIST's ten classes hidden in a few mystery groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from mnistkit.data.dataset import Dataset, content_sha256
from mnistkit.data.registry import DatasetSpec, Derived
from mnistkit.data.sets.fashion_mnist import FASHION_MNIST
from mnistkit.errors import DataError
from mnistkit.utils.arguments import SEED, Integer, Items, checked

_CLASSES = 10  # of Fashion-MNIST

DEFAULT_TWIST = (0, 2, 2, 3, 4, 1, 0, 4, 3, 4)
"""Group of each Fashion-MNIST class.

The assignment's own tables give Trouser, Pullover → 2, Sandal → 1, Shirt → 0, Bag → 3 and Ankle boot → 4, and
the groups' sizes. T-shirt/top → 0, Dress → 3, Coat → 4 and Sneaker → 4 is our choice of what they leave open.
"""


@checked(mapping=Items(fewest=0))
def make_twist(fashion: Dataset, mapping: Sequence[int] | Mapping[int, int] = DEFAULT_TWIST) -> Dataset:
    """Relabel Fashion-MNIST's ten classes as mystery groups.

    Parameters
    ----------
    fashion : Dataset
        Fashion-MNIST, or its stand-in, or a subset of either.
    mapping : sequence of 10 ints, or dict of class to group
        The group, 0 to k − 1, of each of the ten classes.

    Returns
    -------
    Dataset
        Named ``twist``, with the same images; its class names are ``group 0``, ``group 1``, ….

    Raises
    ------
    DataError
        If `fashion` is another data set, or the mapping does not send the ten classes onto groups 0 to k − 1.

    Examples
    --------
    >>> from mnistkit.data import load
    >>> twist = make_twist(load("fashion-mnist", "bundled"), [0, 0, 0, 0, 0, 1, 1, 1, 1, 1])
    >>> twist.name, twist.class_names
    ('twist', ('group 0', 'group 1'))
    """
    if fashion.name != FASHION_MNIST.name:
        raise DataError(
            "twist",
            found=f"the data set {fashion.name!r}",
            expected=f"{FASHION_MNIST.name!r}: a twist relabels its ten classes",
            todo=f'use make_twist(load("{FASHION_MNIST.name}"), mapping)',
        )
    table = np.array(_checked(mapping), dtype=np.uint8)
    y_train, y_test = table[fashion.y_train], None if fashion.y_test is None else table[fashion.y_test]
    for labels in (y_train, y_test):
        if labels is not None:
            labels.flags.writeable = False
    count = int(table.max()) + 1
    return replace(
        fashion,
        name=TWIST.name,
        y_train=y_train,
        y_test=y_test,
        class_names=group_names(count),
        source=f"{fashion.source}; relabelled as {count} groups",  # which is for the lesson to find out
        sha256=content_sha256(fashion.x_train, y_train, fashion.x_test, y_test),
    )


def group_names(count: int) -> tuple[str, ...]:
    """Return ``("group 0", "group 1", …)``."""
    return tuple(f"group {group}" for group in range(count))


@checked(seed=SEED, sizes=Items(Integer(-100, 100), fewest=0))
def random_twist(seed: int, sizes: Sequence[int] = (2, 1, 2, 2, 3)) -> tuple[int, ...]:
    """Draw a twist of one's own, for example each student's.

    Parameters
    ----------
    seed : int
        The same seed draws the same twist.
    sizes : sequence of int
        How many of the ten classes go into group 0, 1, …: at least one each, ten together.

    Returns
    -------
    tuple of 10 ints
        A mapping for `make_twist`.

    Raises
    ------
    DataError
        If the sizes are not positive or do not add up to ten.

    Examples
    --------
    >>> sorted(random_twist(7))
    [0, 0, 1, 2, 2, 3, 3, 4, 4, 4]
    >>> random_twist(7) == random_twist(7)
    True
    """
    if sum(sizes) != _CLASSES or min(sizes) < 1:
        raise DataError(
            "twist",
            found=f"group sizes {tuple(sizes)}, together {sum(sizes)}",
            expected=f"sizes of at least 1 that add up to {_CLASSES}, such as (2, 1, 2, 2, 3)",
            todo="correct the sizes",
        )
    groups = np.repeat(np.arange(len(sizes)), sizes)
    return tuple(int(group) for group in np.random.default_rng(seed).permutation(groups))


def _checked(mapping: Sequence[int] | Mapping[int, int]) -> list[int]:
    """Return the mapping as a list of ten groups, or raise `DataError`."""
    classes = range(_CLASSES)
    if isinstance(mapping, Mapping):
        groups = [mapping.get(index) for index in classes]
        complete = set(mapping) == set(classes)
    else:
        groups = list(mapping)
        complete = len(groups) == _CLASSES
    valid = complete and all(isinstance(group, (int, np.integer)) for group in groups)
    if not valid or set(groups) != set(range(len(set(groups)))):
        raise DataError(
            "twist",
            found=f"the mapping {mapping!r}",
            expected="a group for each of the classes 0–9, and every group from 0 to the highest used",
            todo=f"give ten ints such as {DEFAULT_TWIST}",
        )
    return [int(group) for group in groups if group is not None]


def _is_twist(fmt: str, said: str | None, missing: Sequence[str]) -> bool:
    """Whether it is one CSV file a part, as the assignment has it, and no name says otherwise."""
    return fmt == "quartet" and said is None


TWIST = DatasetSpec(
    name="twist",
    rank=3,
    summary="Fashion-MNIST's classes hidden in mystery groups",
    licence=FASHION_MNIST.licence,
    full_name="the twist",
    item=FASHION_MNIST.item,
    class_names=group_names,
    spelling="twist",
    origin=Derived(FASHION_MNIST.name, make_twist),
    can_be_unnamed=False,  # what could be a twist can also be Fashion-MNIST, to be made one
    typical=_is_twist,
)
