"""Which pairs are called similar: copies, also in disguise, and not those who found the same by themselves."""

import random
import re
import time

import numpy as np
import pytest

from mnistkit.grading.feedback import similarity
from mnistkit.grading.feedback.similarity import compare_answers, pieces
from mnistkit.grading.submission import SubmittedCell

WAYS = {
    "purity": [
        "table = np.asarray(table)\nreturn table.max(axis=1).sum() / table.sum()",
        "return np.sum(np.max(table, axis=1)) / np.sum(table)",
        "best = 0\nfor row in table:\n    best += max(row)\nreturn best / table.sum()",
        "largest = table.max(axis=1)\ntotal = table.sum()\nreturn largest.sum() / total",
        "return sum(max(row) for row in table) / np.sum(table)",
        "good = sum([row.max() for row in np.array(table)])\ntotal = np.array(table).sum()\nreturn good / total",
    ],
    "match": [
        "rows, columns = linear_sum_assignment(table, maximize=True)\nreturn table[rows, columns].sum() / table.sum()",
        "r, c = linear_sum_assignment(-table)\nreturn table[r, c].sum() / table.sum()",
        "match = linear_sum_assignment(table, maximize=True)\nreturn table[match].sum() / table.sum()",
        "rows, cols = linear_sum_assignment(table, maximize=True)\nright = 0\nfor i, j in zip(rows, cols):\n    right += table[i, j]\nreturn right / np.sum(table)",
        "i, j = linear_sum_assignment(table, maximize=True)\nreturn np.sum(table[i, j]) / np.sum(table)",
    ],
    "choose": [
        'good = table[table["s"] >= table["s"].max() - tolerance]\nreturn int(good["k"].min())',
        'best = table["s"].max()\nok = table["s"] >= best - tolerance\nreturn int(table.loc[ok, "k"].min())',
        "best = max(table.s)\nfound = []\nfor k, s in zip(table.k, table.s):\n    if s >= best - tolerance:\n        found.append(k)\nreturn int(min(found))",
        'table = table.sort_values("k")\ntop = table["s"].max()\nfor _, row in table.iterrows():\n    if top - row["s"] <= tolerance:\n        return int(row["k"])',
        'limit = table["s"].max() - tolerance\nreturn int(table.query("s >= @limit")["k"].min())',
    ],
    "own": [
        'steps = pixels - centers[10][labels[10]]\nfar = int(np.square(steps).sum(axis=1).argmax())\nk = choose_k(scores, tolerance=0.005)\nreturn {"k": k, "far": far, "digit": int(y[far])}',
        'k = choose_k(scores, 0.005)\nmiddle = centers[10]\nname = labels[10]\napart = np.linalg.norm(pixels - middle[name], axis=1)\nfar = int(np.argmax(apart))\nreturn {"k": k, "far": far, "digit": int(y[far])}',
        'found = {"k": choose_k(scores, 0.005)}\nd = ((pixels - centers[10][labels[10]]) ** 2).sum(1)\nfound["far"] = int(d.argmax())\nfound["digit"] = int(y[found["far"]])\nreturn found',
        "worst, where = -1, None\nfor i in range(len(pixels)):\n    middle = centers[10][labels[10][i]]\n    d = np.sqrt(((pixels[i] - middle) ** 2).sum())\n    if d > worst:\n        worst, where = d, i\nreturn dict(k=choose_k(scores, 0.005), far=where, digit=int(y[where]))",
    ],
}
"""How different people write the same four functions."""

HABITS = [
    (r"np\.sum\((\w+)\)", r"\1.sum()"),
    (r"(\w+)\.sum\(\)", r"np.sum(\1)"),
    (r"int\((.*)\)$", r"\1"),
    (r"return (.*)$", r"result = \1\nreturn result"),
    (r"^", "table = np.array(table)\n"),
    (r"np\.square\((\w+)\)", r"(\1 ** 2)"),
    (r'table\["s"\]', "table.s"),
    (r"(\w+) / (\w+)$", r"float(\1 / \2)"),
    (r"tolerance=0.005", "0.005"),
    (r"^", "if len(table) == 0:\n    return 0\n"),
]
TAKEN = {"table", "pixels", "tolerance", "centers", "labels", "y", "scores", "maximize", "axis", "k", "np"}


def code(source):
    return SubmittedCell("def answer(table):\n" + "".join(f"    {line}\n" for line in source.split("\n")))


def words(text):
    return pieces(SubmittedCell(text, kind="markdown"))


def written(rng):
    """Write the four functions as one student would."""
    found = {name: rng.choice(ways) for name, ways in WAYS.items()}
    for name in found:
        for pattern, other in HABITS:
            if rng.random() < 0.35:
                found[name] = re.sub(pattern, other, found[name], count=1)
    return found


def disguised(source, rng):
    """Change what is changed first: names, comments, formatting, the order of two lines."""
    own = set(re.findall(r'(?<![.\w"])([a-z_]\w*)(?= =[^=]|, \w+ (?:=|in) | in | \+=)', source)) - TAKEN
    for name in own:
        source = re.sub(rf'(?<![.\w"]){name}\b', f"my_{rng.randrange(1000)}", source)
    lines = source.replace(", ", " ,  ").split("\n")
    if len(lines) > 3 and not any(line.startswith((" ", "for", "if")) for line in lines[:3]):
        lines[0], lines[1] = lines[1], lines[0]
    return "# all my own idea\n" + "  # so it is\n".join(lines)


def cut(answers):
    return {name: pieces(code(source)) for name, source in answers.items()}


@pytest.mark.slow
@pytest.mark.parametrize("size", [6, 25, 60])
def test_copies_in_disguise_are_found_and_independent_work_is_not(size):
    """The same ways of solving it are common in a class; still nearly nobody else is listed."""
    missed = others = 0
    for seed in range(12):
        rng = random.Random(seed)
        sources = {f"s{i}": written(rng) for i in range(size)}
        sources["copy"] = {name: disguised(source, rng) for name, source in sources["s0"].items()}
        assert all(sources["copy"][name] != sources["s0"][name] for name in WAYS)
        pairs = compare_answers({s: cut(answers) for s, answers in sources.items()}, ())
        listed = {(pair.first, pair.second) for pair in pairs}
        missed += ("s0", "copy") not in listed
        others += len({pair for pair in listed if "copy" not in pair})
    assert missed <= 1
    assert others <= 2, "in 12 classes"


def test_a_pair_says_how_similar_it_is_and_where():
    rng = random.Random(1)
    a, b, c = written(rng), written(rng), written(rng)
    a = {name: ways[0] for name, ways in WAYS.items()}
    b = {**a, "own": WAYS["own"][3]}
    c = {name: ways[2] for name, ways in WAYS.items()}
    [pair] = compare_answers({"a": cut(a), "b": cut(a), "c": cut(c)}, ())
    assert (pair.first, pair.second, pair.similarity) == ("a", "b", 1.0)
    assert pair.exercises == tuple(WAYS)
    assert compare_answers({"a": cut(a), "b": cut(b), "c": cut(c)}, ()) == [], "three short answers of four"


def test_one_long_answer_in_common_is_enough():
    long = "\n".join(f"x{i} = np.sum(table[{i}:{i + 3}], axis={i % 2}) ** {i}" for i in range(12))
    a, b = ({"long": pieces(code(long)), "own": pieces(code(way))} for way in WAYS["own"][:2])
    [pair] = compare_answers({"a": a, "b": b}, ())
    assert pair.exercises == ("long",)


def test_what_the_handout_or_the_class_has_counts_for_nothing():
    long = "\n".join(f"x{i} = np.sum(table[{i}:{i + 3}], axis={i % 2}) ** {i}" for i in range(12))
    answers = {name: {"long": pieces(code(long))} for name in "ab"}
    assert len(compare_answers(answers, ())) == 1
    assert compare_answers(answers, pieces(code(long))) == []
    everybody = {name: {"long": pieces(code(long))} for name in "abcdefgh"}
    assert compare_answers(everybody, ()) == []


COPIED = """The highest silhouette of my run is only 0.07, which is much closer to zero than to one, so the
clusters are hardly apart from each other. Also the elbow lies at another k than the silhouette's best."""


def test_a_class_is_compared_some_students_at_a_time(monkeypatch):
    rng, blocks, triu = random.Random(0), [], np.triu
    answers = {f"s{i}": cut(written(rng)) for i in range(20)}
    answers |= {f"copy{i}": answers[f"s{i}"] for i in range(0, 20, 4)}
    whole = compare_answers(answers, ())
    assert len(whole) >= 5

    def counting(similar, k):
        blocks.append(len(similar))
        return triu(similar, k)

    monkeypatch.setattr(np, "triu", counting)
    monkeypatch.setattr(similarity, "_ROWS", 3)
    assert compare_answers(answers, ()) == whole
    assert max(blocks) == 3


def test_copied_words_are_found_where_the_same_topic_is_not():
    texts = {
        "a": COPIED,
        "b": COPIED.upper().replace(".", " !\n\n"),
        "c": "The silhouette is 0.07 at its best and this is close to 0, so there are no clear groups. The elbow says another k.",
        "d": "With another tolerance choose_k gives another number, and purity at k = 10 is well below 1.",
    }
    answers = {name: {"why": words(text)} for name, text in texts.items()}
    [pair] = compare_answers(answers, (), texts=["why"])
    assert (pair.first, pair.second) == ("a", "b")
    short = {name: {"why": words("I don't know, sorry.")} for name in "ab"}
    assert compare_answers(short, (), texts=["why"]) == []


@pytest.mark.parametrize(
    "source", ["def f(:\n  '''", "\x00\x01", "((((" * 9000, "\ud800 = 1", "a\n\tb\n  c", ""]
)
def test_what_is_no_python_is_like_nothing(source):
    answers = {"a": {"x": pieces(SubmittedCell(source))}, "b": {"x": frozenset()}, "c": {}}
    assert compare_answers(answers, ()) == []


def test_a_class_of_200_takes_about_a_second():
    rng = random.Random(0)
    answers = {f"s{i}": cut(written(rng)) for i in range(200)}
    start = time.monotonic()
    compare_answers(answers, ())
    assert time.monotonic() - start < 10
