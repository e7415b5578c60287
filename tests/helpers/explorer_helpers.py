"""What the explorers in the lessons have to say, a hand that moves them in a browser, and one of each on made data."""

import time
from functools import partial
from textwrap import dedent

import numpy as np
import pandas as pd

from mnistkit import clustering, widgets

DRAWN = "further-handwriting"
WORDS = {
    "02_kmeans_elbow_silhouette": {
        "kmeans-steps": """
            steps = kmeans(points, points[:4])
            step, centres_have_moved = divmod(at["move"], 2)
            clusters, centers = steps[step][0], steps[step + centres_have_moved][1]
            words = f"inertia {((points - centers[clusters]) ** 2).sum():,.0f}."
        """,
        "explorer": """
            k, cluster = ks[at["clusters k"]], at["show"] - 1
            sizes = np.bincount(sweep.labels[k])
            each = ", ".join(f"c{c}: {size:,}" for c, size in enumerate(sizes))
            words = f"k = {k}, cluster c{cluster}: {sizes[cluster]:,} images" if cluster >= 0 else each
        """,
        "silhouette-by-hand": """
            k, cluster = ks[at["clusters k"]], at["show"] - 1
            words = f"k = {k}"
            if k > 1 and cluster >= 0:
                own = silhouettes["pixels 0 to 1"].samples[k][sweep.labels[k] == cluster]
                words = f"cluster c{cluster}: {len(own):,} images, mean silhouette {own.mean():.2f}"
        """,
    },
    "03_ann_vs_cnn": {
        "convolution-same": """
            title, image = [*pictures.items()][::-1][at["image"]]
            row, column = divmod(at["places"] - 1, 32)
            kernel = np.reshape(at["weights"], (3, 3))
            total = (image[row : row + 3, column : column + 3] * kernel).sum()
            edited = "; ".join(" ".join(f"{weight:g}" for weight in line) for line in kernel)
            words = f"Kernel {edited} on", f"({title}): the window in row {row}, column {column} gives {total:.2f}."
        """,
        "mistakes-matrix": """
            truth, answer = at["truth"], at["answer"]
            words = f"{counts[truth, answer]:,} of {(y_test == truth).sum():,}"
            words = f"taken for {names[answer]}: {words}" if truth != answer else f"{names[truth]} recognised: {words}"
        """,
        "further-shift-plot": """
            chances = {name: answered[at["down"] + 4, at["right"] + 4] for name, answered in said.items()}
            words = [f"{name} answers {names[p.argmax()]} ({p.max():.1%})" for name, p in chances.items()]
        """,
    },
    "04_activation_visualisation": {
        "further-explorer": """
            values = [*maps_of_chosen.values()][at["layer"]][at["image"], ..., at["filter"]]
            words = f"image {at['image']} ({names[y[chosen[at['image']]]]}): filter {at['filter']} reaches {values.max():.2f}"
        """,
        "further-mistake": """
            row, column = at["down"], at["across"]
            left = {name: np.clip(before[name] - falls[name][row, column], 0, 1) for name in before}
            words = [f"row {row}, column {column}:", *(f"{name} {chance:.1%}" for name, chance in left.items())]
        """,
    },
    "05_twist_clustering": {
        "moons-plot": """
            eps, clusters = [*by_eps.items()][at["eps"]]
            sizes = np.bincount(clusters[clusters >= 0])
            words = [f"eps = {eps:.3g}:", *(f"c{c}: {size:,}" for c, size in enumerate(sizes))]
        """,
        "sweep-plot": """
            eps, clusters = [*found_by.items()][at["eps"]]
            words = f"eps = {eps:.3g}: {clusters.max() + 1} cluster", f"({(clusters < 0).sum()} of {len(y_test):,}"
        """,
        "clues-sheet-plot": """
            plane = [*planes.values()][at["cross in"]]
            of = [*by_colour.values()][at["colour by"]][0]
            place = plane.min(axis=0) + np.ptp(plane, axis=0) * (at["across"], at["up"]) / 40
            away = np.linalg.norm(plane - place, axis=1)
            away[(at["show"] > 0) & (of != np.unique(of)[at["show"] - 1])] = np.inf
            near = away.argsort(kind="stable")[: min(12, np.isfinite(away).sum())]
            box = {name: np.linalg.norm(np.ptp(p[near], axis=0) ) / np.linalg.norm(np.ptp(p, axis=0)) for name, p in planes.items()}
            words = " and ".join(f"{share:.0%} of {name}" for name, share in box.items())
        """,
    },
    "07_digit_recognizer": {
        "ask-plot": """
            threshold = table.index[at["threshold"]]
            answered, right_of_these = (sure >= threshold).mean(), right[sure >= threshold].mean()
            words = f"From {threshold:g} on: {answered:.1%} answered, {right_of_these:.2%} of these right"
        """,
        DRAWN: """
            import io
            from PIL import Image
            file = explorer.upload.value[-1] if explorer.upload.value else {"name": "your drawing"}
            picture = Image.open(io.BytesIO(file.get("content", explorer.pad.value)))
            (chances,) = ask(normalisation_steps(np.asarray(picture))["centred"][None])
            words = f"each step, {file['name']}:", f"centred: {ds.class_names[chances.argmax()]} ({chances.max():.1%})"
        """,
    },
}
"""By lesson and cell with an explorer: what its words have to say when its controls stand `at` these places.

Scripts for the lesson's kernel, over the lesson's own variables. A place is a slider's value, or the number of its
option, or of the button that is pressed.
"""


def made_explorers():
    """Make one of each on small made data."""
    rng = np.random.default_rng(0)
    names = ["cat", "dog", "owl"]
    y = np.arange(60) % 3
    points = rng.normal(size=(60, 2)) + np.array([[0, 0], [6, 0], [0, 6]])[y]
    images = rng.random((60, 8, 8))
    chances = rng.dirichlet(np.ones(3), 60)
    sweep = clustering.kmeans_sweep(points, [2, 3, 5], progress=False)
    steps = [(sweep.labels[3], sweep.centers[3]), (y, sweep.centers[3])]
    by_eps = {eps: (y - (points[:, 0] > eps)).clip(-1) for eps in (0.5, 1.0, 2.0)}
    table = pd.DataFrame(
        {"answered": [1.0, 0.7, 0.2], "right": [0.5, 0.7, 0.9], "error": 0.01}, [0, 0.5, 0.8]
    )
    maps = {"conv1": rng.random((3, 6, 6, 4)), "conv2": rng.random((3, 3, 3, 5))}
    moved = {name: rng.dirichlet(np.ones(3), (5, 5)) for name in ("ANN", "CNN")}
    return [
        widgets.kmeans_explorer(sweep, points, shape=(1, 2), k=3, x=points),
        widgets.kmeans_steps(points, steps),
        widgets.embedding_explorer(images, {"PCA": points, "mirrored": -points}, {"class": (y, names)}),
        widgets.eps_explorer(points, by_eps, 1.0),
        widgets.convolution_explorer(images[:3], names),
        widgets.confusion_explorer(images, chances, y, names),
        widgets.threshold_explorer(table, 0.5, images, chances, y, names),
        widgets.shift_explorer(rng.random((5, 5, 8, 8)), moved, 0, names),
        widgets.occlusion_explorer(images[0], {"cat": 0.6}, {"cat": rng.random((8, 8)) / 2}, patch=3),
        widgets.activation_explorer(images[:3], maps, names),
        widgets.drawn_digit(lambda drawn: chances[: len(drawn)], np.eye(30, dtype="uint8"), names),
    ]


AT = """explorer => {
    const at = {};
    for (const row of explorer.querySelectorAll('.widget-slider, .widget-toggle-buttons')) {
        const slider = row.querySelector('[role=slider]');
        const buttons = [...row.querySelectorAll('.widget-toggle-button')];
        const name = row.querySelector('.widget-label').innerText;
        if (slider) at[name] = Number(slider.getAttribute('aria-valuenow'));
        if (buttons.length) at[name] = buttons.findIndex(button => button.classList.contains('mod-active'));
    }
    const weights = [...explorer.querySelectorAll('input[type=number]')];
    return weights.length ? { ...at, weights: weights.map(weight => Number(weight.value)) } : at;
}"""
PICTURE = """async image => {
    const digest = await crypto.subtle.digest('SHA-256', await (await fetch(image.src)).arrayBuffer());
    return Array.from(new Uint8Array(digest), byte => byte.toString(16).padStart(2, '0')).join('');
}"""
SECONDS = 30


class ShownExplorer:
    """An explorer in a browser, and what the kernel of its notebook knows.

    Parameters
    ----------
    output : playwright.sync_api.Locator
        The cell that shows it.
    model : str
        The number that the kernel knows it by.
    script : str
        What its words have to say, as in `WORDS`.
    evaluate : callable
        Takes an expression, gives its value in the kernel.
    """

    def __init__(self, output, model, script, evaluate):
        self.box = output.locator(".widget-vbox:has(> * > .widget-image)")
        self._model, self._script, self._evaluate = model, dedent(script), evaluate

    def at(self):
        """Say where the controls stand in the browser, by their descriptions."""
        return self.box.evaluate(AT)

    def words(self):
        return self.box.locator(":scope > .widget-html").first.inner_text().strip()

    def picture(self):
        """Give the hash of the picture in the browser."""
        return self.box.locator(".widget-image").evaluate(PICTURE)

    def control(self, name):
        """Give a slider or a row of buttons, by its description; or all weights."""
        if name == "weights":
            return self.box.locator("input[type=number]")
        label = self.box.page.locator(".widget-label").get_by_text(name, exact=True)
        return self.box.locator(".widget-slider, .widget-toggle-buttons").filter(has=label)

    def button(self, name):
        return self.box.get_by_role("button", name=name, exact=True)

    def ask(self, expression, **names):
        """Evaluate an expression in the kernel, where `explorer` is this one."""
        here = f"__import__('ipywidgets').widgets.widget._instances[{self._model!r}]"
        named = "".join(f", {name}={value!r}" for name, value in names.items())
        return self._evaluate(f"eval({expression!r}, dict(globals(), explorer={here}{named}))")

    def expected(self):
        """Give what the words have to say, of the lesson's own data."""
        words = self.ask("exec(script) or words", script=self._script, at=self.at())
        return [words] if isinstance(words, str) else words

    def expect_answer(self, gesture):
        """Make a gesture, wait until other words say what they have to say, and give what the gesture returned."""
        before, end = self.words(), time.monotonic() + SECONDS
        result = gesture()
        while (words := self.words()) == before or not all(part in words for part in self.expected()):
            assert time.monotonic() < end, f"at {self.at()} expected {self.expected()}, found {words}"
            time.sleep(0.05)
        return result

    def assert_picture_is_of_the_choice(self):
        """Compare the browser's picture with one that the kernel draws anew."""
        picture_of = "widgets.explorer.picture_of(explorer._figure, explorer._drawn_ground)"
        assert self.picture() == self.ask(f"__import__('hashlib').sha256({picture_of}).hexdigest()")

    def operate(self):
        """Move each control by keyboard, then each by mouse, and compare what is shown with the lesson's data."""
        for move in (move_by_keyboard, move_by_mouse):
            before = self.picture()
            for name in self.at():
                place = self.expect_answer(partial(move, self.control(name), self.at()[name]))
                assert self.at()[name] == place, name
            assert self.picture() != before
            self.assert_picture_is_of_the_choice()


def move_by_keyboard(control, place):
    """Move a control to the next place by an arrow key, or by Enter on the next button; give that place."""
    if isinstance(place, list):  # of weights
        for weight in control.all():
            weight.press("ArrowUp")
        return [weight + 0.5 for weight in place]
    slider, buttons = control.locator("[role=slider]"), control.locator("button")
    last = float(slider.get_attribute("aria-valuemax")) if slider.count() else buttons.count() - 1
    step = 1 if place < last else -1
    if slider.count():
        slider.press("ArrowRight" if step > 0 else "ArrowLeft")
    else:
        buttons.nth(place + step).press("Enter")
    return place + step


def move_by_mouse(control, place):
    """Drag a slider to its end or click on the last button, or the first where it stands there; give that place."""
    if isinstance(place, list):
        for number, weight in enumerate(control.all()):
            weight.click(click_count=3)  # selects what is there
            control.page.keyboard.type(f"{number}\n")
        return list(range(len(place)))
    slider, buttons = control.locator("[role=slider]"), control.locator("button")
    if not slider.count():
        last = buttons.count() - 1
        new = last if place != last else 0
        buttons.nth(new).click()
        return new
    first, last = (float(slider.get_attribute(f"aria-value{end}")) for end in ("min", "max"))
    new = last if place != last else first
    slider.hover()
    handle, mouse = slider.bounding_box(), control.page.mouse
    mouse.down()
    mouse.move(handle["x"] + (1000 if new == last else -1000), handle["y"])  # beyond the end
    mouse.up()
    return new
