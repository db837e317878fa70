"""The formulas of the calculation, one by one. Money in US dollars, power in kW, shares from 0 to 1.

They are those of published comparisons:

- Epoch AI, training-cost-trends (code of "The rising costs of training frontier AI models", arXiv:2405.21015):
  power of a server, share of the network.
- Lenovo Press LP2225 (2025) and LP2368 (2026): hours to break even.
- Pan et al., "A Cost-Benefit Analysis of On-Premise Large Language Model Deployment", arXiv:2509.18101v3, eq. 1-7:
  months to break even against an API.
- Uptime Institute Journal, 30 January 2025: unit cost and break-even by utilisation.
- Curcio, "LCOAI", arXiv:2509.02596: all costs by all output.
"""

from __future__ import annotations

__all__ = [
    "break_even_time",
    "break_even_utilisation",
    "drawn_kw",
    "loan_balance",
    "loan_instalment",
    "network_usd",
    "server_kw",
    "split_tokens",
    "tokens",
    "usd_per_mtok",
]


def server_kw(*, accelerators: float, tdp_w: float, chip_to_server: float) -> float:
    """Return the power of all servers at full load, in kW: N * TDP * chip_to_server / 1000 (Epoch AI)."""
    return accelerators * tdp_w * chip_to_server / 1000


def drawn_kw(servers: float, *, utilisation: float, load: float, idle: float, pue: float) -> float:
    """Return the mean power that is paid for, in kW: servers * (u * load + (1 - u) * idle) * PUE.

    Epoch AI has the load fraction and the PUE (total power of the building by that of its computers); the idle part is
    ours: a server that waits draws power too.

    Args:
        servers: their power at full load, in kW.
        utilisation: share of hours in which they work.
        load: share of that power drawn while they work.
        idle: share drawn while they do not.
        pue: power usage effectiveness, 1 or more.
    """
    return servers * (utilisation * load + (1 - utilisation) * idle) * pue


def network_usd(servers: float, share: float) -> float:
    """Return the price of the network that is `share` of servers and network: servers * f / (1 - f) (Epoch AI)."""
    return servers * share / (1 - share)


def loan_instalment(principal: float, *, yearly_rate: float, months: float) -> float:
    """Return the equal instalment of each month, in USD: P * r / (1 - (1 + r)^-n), r = yearly_rate / 12 (annuity).

    Without interest it is P / n.
    """
    rate = yearly_rate / 12
    return principal * rate / (1 - (1 + rate) ** -months) if rate else principal / months


def loan_balance(principal: float, *, yearly_rate: float, months: float, paid_months: float) -> float:
    """Return what is still owed after some months, in USD; 0 after the last.

    After k whole months: P * (1 + r)^k - a * ((1 + r)^k - 1) / r, with a the instalment. Part f of a month bears its
    part of the interest and pays its part of the instalment: balance * (1 + r * f) - a * f.
    """
    if paid_months >= months:
        return 0.0
    rate = yearly_rate / 12
    instalment = loan_instalment(principal, yearly_rate=yearly_rate, months=months)
    whole = int(paid_months)
    growth = (1 + rate) ** whole
    balance = principal * growth - instalment * ((growth - 1) / rate if rate else whole)
    part = paid_months - whole
    return balance * (1 + rate * part) - instalment * part


def break_even_time(extra_upfront: float, saving: float) -> float | None:
    """Return when a higher price at the start is earned back: t = extra / saving; None: never.

    In hours, H = capex / (cloud USD/h - own USD/h) (Lenovo Press); in months,
    t = capex / (API USD/month - power USD/month) (Pan et al., eq. 7). The unit of time is that of `saving`.
    """
    if extra_upfront <= 0:
        return 0.0 if saving >= 0 else None
    return extra_upfront / saving if saving > 0 else None


def break_even_utilisation(idle_gap: float, full_gap: float) -> float | None:
    """Return the utilisation from which on owning costs no more; None: it costs more even in full use.

    All costs are straight lines over the utilisation, so U* = idle_gap / (idle_gap - full_gap). Where owning costs the
    same at any use and the other option by the hour of work, that is the Uptime Institute's
    U* = own USD/h in full use / cloud USD/h.

    Args:
        idle_gap: cost of owning less cost of the other option at utilisation 0, in USD.
        full_gap: the same at utilisation 1.
    """
    if full_gap > 0:
        return None
    return idle_gap / (idle_gap - full_gap) if idle_gap > 0 else 0.0


def tokens(tokens_per_second: float, hours: float) -> float:
    """Return the tokens of some hours of work: tokens/s * 3600 * hours (Pan et al., eq. 3)."""
    return tokens_per_second * 3600 * hours


def usd_per_mtok(usd: float, token_count: float) -> float:
    """Return the cost of 1M tokens: all costs by all tokens, idle hours included.

    It is the LCOAI of Curcio, (amortised capex + opex) / output, by the million. Only a price that holds the idle hours
    may stand beside an API's.
    """
    return usd / token_count * 1e6


def split_tokens(count: float, *, output_share: float, cached_share: float) -> tuple[float, float, float]:
    """Return how many tokens are read afresh, read from the provider's cache, and written.

    count * (1 - o) * (1 - c), count * (1 - o) * c and count * o. Pan et al., eq. 5, is the case o = 2/3, c = 0: their
    text calls it 2:1 of input to output, their equation weighs the output twice.
    """
    read = count * (1 - output_share)
    return read * (1 - cached_share), read * cached_share, count * output_share
