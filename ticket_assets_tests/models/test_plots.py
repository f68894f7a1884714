"""Pictures are looked at by people; these tests hold what a machine can see: size, ink, colours, refusals."""

import base64
import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from ticket_assets.canvas import BLUE, ORANGE, RED, SERIES
from ticket_assets.models import plots
from ticket_assets.models.plots import Trial

QUEUES = (
    "Technical Support",
    "Product Support",
    "Customer Service",
    "IT Support",
    "Billing and Payments",
    "Returns and Exchanges",
    "Service Outages and Maintenance",
    "Sales and Pre-Sales",
    "Human Resources",
    "General Inquiry",
)


def predictions(n=1500, seed=0):
    random = np.random.default_rng(seed)
    y = random.integers(0, 10, n)
    scores = random.normal(0, 1, (n, 10)) + 2 * np.eye(10)[y]
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    return y, probabilities


def trials(n=60, pruned=0.4):
    random = np.random.default_rng(0)
    families = (
        "xgboost",
        "lightgbm",
        "catboost",
        "linear SVM",
        "random forest",
        "extra trees",
        "logistic",
        "gbm",
    )
    return [
        Trial(i, float(random.uniform(0.3, 0.7)), families[i % 8], bool(random.random() < pruned)) for i in range(n)
    ]


def draw_all():
    y, probabilities = predictions()
    return {
        "confusion_matrix": plots.confusion_matrix(y, probabilities.argmax(axis=1), QUEUES, "queue: champion v7"),
        "reliability": plots.reliability(y, probabilities, "queue: champion v7"),
        "per_class_f1": plots.per_class_f1([(name, 0.2 + i / 20, 0.3) for i, name in enumerate(QUEUES)]),
        "scoreboard": plots.scoreboard([(name, 0.2 + i / 20, 0.1, 0.8) for i, name in enumerate(QUEUES)]),
        "search_progress": plots.search_progress(trials()),
    }


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def ink(png, colour):
    """Number of pixels of one colour, give or take what 256 colours cost."""
    wanted = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return int((np.abs(pixels(png) - wanted).max(axis=2) < 12).sum())


@pytest.fixture(scope="module")
def drawn():
    return draw_all()


NAMES = ("confusion_matrix", "reliability", "per_class_f1", "scoreboard", "search_progress")


@pytest.mark.parametrize("name", NAMES)
def test_each_plot_is_700_pixels_wide_and_small_enough_for_the_event_log(drawn, name):
    assert pixels(drawn[name]).shape[1] == 700
    assert len(drawn[name]) < 60_000


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_cut_off_at_the_edge(drawn, name):
    picture = pixels(drawn[name])
    edge = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
    assert (edge == 255).all()


def test_the_same_numbers_give_the_same_bytes(drawn):
    assert draw_all() == drawn


def test_drawing_never_loads_pyplot_whose_figures_stay_for_ever():
    code = (
        "import sys; from ticket_assets.models import plots; assert 'matplotlib' not in sys.modules; "
        "plots.scoreboard([('a', .5, .4, .6)]); print('matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "False"


def test_a_perfect_model_paints_the_diagonal_of_the_confusion_matrix_only():
    y = np.repeat(np.arange(4), 25)
    dark = "#08306b"  # the full end of the scale: 100 % of a class
    perfect = plots.confusion_matrix(y, y, QUEUES[:4], "perfect")
    shifted = plots.confusion_matrix(y, np.where(np.arange(100) % 2, y, (y + 1) % 4), QUEUES[:4], "half right")
    assert ink(perfect, dark) > 10 * ink(shifted, dark)


def test_tickets_of_an_unknown_class_get_a_row_of_their_own():
    y = np.repeat(np.arange(3), 20)
    known = pixels(plots.confusion_matrix(y, y, QUEUES[:3], "known"))
    unknown = pixels(plots.confusion_matrix(np.where(y == 2, -1, y), y, QUEUES[:3], "unknown"))
    assert unknown.shape[0] > known.shape[0]


def test_thirty_classes_and_labels_in_any_script_or_with_signs_of_formulas_still_draw():
    random = np.random.default_rng(0)
    labels = [f"Kategorie {i} für $Größe$ und \\frac_{i}" for i in range(30)]
    png = plots.confusion_matrix(random.integers(-1, 30, 900), random.integers(0, 30, 900), labels, "$30 or $40")
    assert len(png) < 60_000
    assert plots.scoreboard([("price $\\bad{$ each", 0.5, 0.4, 0.6)], title="$\\worse{$")


def test_reliability_draws_where_the_bins_lie():
    """Wrong answers at the same confidence lie nearer to the ground."""
    y, probabilities = predictions()

    def height(png):
        rows = np.abs(pixels(png)[:380] - [0, 0x72, 0xB2]).max(axis=2) < 12  # the upper panel
        return np.nonzero(rows)[0].mean()

    assert height(plots.reliability((y + 1) % 10, probabilities, "model")) > height(
        plots.reliability(y, probabilities, "model")
    )


def test_reliability_of_a_constant_model_is_one_bin_and_no_warning():
    assert ink(plots.reliability(np.array([0, 1, 0]), np.full((3, 2), 0.5), "constant"), BLUE) > 100


def test_a_class_without_a_baseline_has_no_second_dot():
    both = plots.per_class_f1([("Incident", 0.9, 0.6), ("Request", 0.8, 0.5)])
    alone = plots.per_class_f1([("Incident", 0.9, None), ("Request", 0.8, None)])
    assert ink(both, RED) > 20
    assert ink(alone, RED) == 0
    assert ink(alone, BLUE) > 100


def test_a_wider_interval_takes_more_ink_and_the_champion_another_colour():
    narrow = plots.scoreboard([("a", 0.5, 0.49, 0.51), ("b", 0.5, 0.1, 0.9)])
    wide = plots.scoreboard([("a", 0.5, 0.1, 0.9), ("b", 0.5, 0.1, 0.9)])
    assert ink(wide, BLUE) > 1.3 * ink(narrow, BLUE)
    assert ink(wide, RED) == 0
    assert ink(plots.scoreboard([("a", 0.5, 0.1, 0.9), ("b", 0.5, 0.1, 0.9)], highlight="b"), RED) > 100


def test_pruned_trials_are_hollow():
    complete = plots.search_progress([Trial(i, 0.5 + i / 50, "xgboost", False) for i in range(9)])
    pruned = plots.search_progress([Trial(i, 0.5 + i / 50, "xgboost", True) for i in range(9)])
    assert ink(complete, BLUE) > 1.5 * ink(pruned, BLUE)
    assert ink(pruned, BLUE) > 20


def test_pruned_trials_take_no_part_in_the_best_so_far():
    def middle(pruned):
        """The emptiness between low trials and the high one in their midst, where only the line can be."""
        png = plots.search_progress([Trial(i, 0.9 if i == 1 else 0.5, "xgboost", pruned and i == 1) for i in range(3)])
        return pixels(png)[120:230, 120:680].min()

    assert middle(pruned=True) > 200  # nothing but the pale grid
    assert middle(pruned=False) < 180  # the line climbs through it


def test_each_family_has_its_colour_and_its_shape():
    assert len(set(SERIES)) == len({colour for colour, _ in SERIES}) == len({shape for _, shape in SERIES}) == 8
    two = plots.search_progress([Trial(0, 0.5, "a", False), Trial(1, 0.6, "b", False)])
    assert ink(two, BLUE) > 20
    assert ink(two, ORANGE) > 20


def test_more_families_than_colours_begin_again():
    assert plots.search_progress([Trial(i, 0.5, f"family {i}", False) for i in range(11)])


def test_the_order_in_which_trials_come_changes_nothing():
    given = trials()
    assert plots.search_progress(given[::-1]) == plots.search_progress(given)


@pytest.mark.parametrize(
    ("draw", "names"),
    [
        (
            lambda: plots.confusion_matrix(np.array([], dtype=int), np.array([], dtype=int), QUEUES, "t"),
            "y_true",
        ),
        (lambda: plots.confusion_matrix(np.array([0]), np.array([], dtype=int), QUEUES, "t"), "y_pred"),
        (lambda: plots.confusion_matrix(np.array([0]), np.array([0]), (), "t"), "labels"),
        (lambda: plots.confusion_matrix(np.array([0, 1]), np.array([0]), QUEUES, "t"), "y_pred"),
        (lambda: plots.confusion_matrix(np.array([10]), np.array([0]), QUEUES, "t"), "y_true"),
        (lambda: plots.reliability(np.array([], dtype=int), np.empty((0, 3)), "t"), "probabilities"),
        (lambda: plots.reliability(np.array([], dtype=int), np.eye(3), "t"), "y_true"),
        (lambda: plots.reliability(np.array([0]), np.array([[np.nan, 1.0]]), "t"), "probabilities"),
        (lambda: plots.per_class_f1([]), "rows"),
        (lambda: plots.per_class_f1([("a", float("nan"), None)]), "rows"),
        (lambda: plots.scoreboard([]), "rows"),
        (lambda: plots.scoreboard([("a", 0.5, 0.4, float("inf"))]), "rows"),
        (lambda: plots.search_progress([]), "trials"),
        (lambda: plots.search_progress([Trial(0, float("nan"), "a", False)]), "trials"),
        (lambda: plots.as_markdown_image(b"", "t"), "png"),
        (lambda: plots.as_markdown_image(b"<svg/>", "t"), "png"),
    ],
)
def test_an_empty_or_broken_argument_is_refused_by_name(draw, names):
    with pytest.raises(ValueError, match=f"^{names} "):
        draw()


def test_the_markdown_image_holds_the_picture_itself(drawn):
    text = plots.as_markdown_image(drawn["scoreboard"], "scores of [queue]\nby recipe")
    head, data = text.removesuffix(")").split("(data:image/png;base64,")
    assert head == "![scores of \\[queue\\] by recipe]"
    assert base64.b64decode(data, validate=True) == drawn["scoreboard"]
