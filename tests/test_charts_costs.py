"""The chart of costs: how many lines it takes, what it draws at the edges, and how it writes money."""

import numpy as np
import pytest

from aiwire.charts import Size
from aiwire.charts.costs import CostLine, Costs, Crossing, cost_image, money
from aiwire.exceptions import ConfigError


def test_a_sixth_line_cannot_be_told_apart_and_is_refused():
    months = np.arange(3.0)
    line = CostLine("a", months)
    with pytest.raises(ConfigError, match="up to 5 options, not 6"):
        cost_image(Costs("t", "s", months, (line,) * 6, (), "2026-11-23T00:00:00Z"), Size(800, 600), "svg")
    with pytest.raises(ConfigError, match="choose a larger"):
        cost_image(Costs("t", "s", months, (line,), (), "2026-11-23T00:00:00Z"), Size(320, 200), "svg")


def test_a_chart_of_nothing_paid_and_one_of_money_coming_back_are_drawn():
    months = np.arange(3.0)
    for values in (months * 0, np.array([0, 5, -5.0])):
        made = Costs("t", "s", months, (CostLine("a", values),), (Crossing(1, 0, "c"),), "2026-11-23T00:00:00Z")
        assert b"<svg" in cost_image(made, Size(800, 600), "svg")


@pytest.mark.parametrize(
    ("usd", "text"),
    [(0, "$0.00"), (12.346, "$12.35"), (999.9, "$1.00k"), (1234, "$1.23k"), (12345, "$12.3k"), (123456, "$123k"),
     (999_600, "$1.00M"), (1_234_567, "$1.23M"), (2.5e9, "$2.50B"), (-1234, "-$1.23k")],
)  # fmt: skip
def test_amounts_have_three_digits(usd, text):
    assert money(usd) == text
