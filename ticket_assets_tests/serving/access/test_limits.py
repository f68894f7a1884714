"""Token buckets: what they grant, whatever the order of requests and pauses."""

import math

from hypothesis import given
from hypothesis import strategies as st

from ticket_assets.serving.access.limits import Limiter, Rate
from ticket_assets_tests.serving.access.conftest import Clock

RATES = st.builds(Rate, st.floats(0.01, 1000), st.integers(1, 50))
PAUSES = st.lists(st.floats(0, 20), max_size=60)


def test_a_burst_goes_through_and_then_the_rate(clock: Clock) -> None:
    limiter, rate = Limiter(clock), Rate(2, 3)
    assert [limiter.take("a", rate).allowed for _ in range(5)] == [True, True, True, False, False]
    clock.seconds += 0.5
    assert [limiter.take("a", rate).allowed for _ in range(2)] == [True, False]


def test_one_caller_s_haste_is_not_another_s(clock: Clock) -> None:
    limiter, rate = Limiter(clock), Rate(1, 1)
    assert limiter.take("a", rate).allowed
    assert not limiter.take("a", rate).allowed
    assert limiter.take("b", rate).allowed


def test_the_headers_tell_limit_rest_and_wait(clock: Clock) -> None:
    limiter, rate = Limiter(clock), Rate(0.4, 2)
    assert limiter.take("a", rate).headers() == {
        "ratelimit-limit": "2",
        "ratelimit-remaining": "1",
        "ratelimit-reset": "3",
    }
    limiter.take("a", rate)
    refused = limiter.take("a", rate)
    assert refused.headers() == {
        "ratelimit-limit": "2",
        "ratelimit-remaining": "0",
        "ratelimit-reset": "5",
        "retry-after": "3",
    }


def test_a_wait_of_a_moment_is_told_as_a_second(clock: Clock) -> None:
    limiter, rate = Limiter(clock), Rate(500, 1)
    limiter.take("a", rate)
    assert limiter.take("a", rate).retry_after == 1


def test_processes_share_the_rate() -> None:
    assert Rate(8, 10).shared_by(4) == Rate(2, 2)
    assert Rate(8, 2).shared_by(4) == Rate(2, 1)


def test_what_is_given_back_may_be_taken_again(clock: Clock) -> None:
    limiter, rate = Limiter(clock), Rate(1, 1)
    limiter.take("a", rate)
    limiter.give_back("a", rate)
    assert limiter.take("a", rate).allowed
    assert not limiter.take("a", rate).allowed


def test_giving_back_never_fills_a_bucket_over_its_rim(clock: Clock) -> None:
    limiter, rate = Limiter(clock), Rate(1, 2)
    limiter.give_back("a", rate)
    assert [limiter.take("a", rate).allowed for _ in range(3)] == [True, True, False]


def test_so_many_buckets_are_kept_and_the_one_asked_longest_ago_goes_first(clock: Clock) -> None:
    limiter, rate = Limiter(clock, most=2), Rate(0.001, 1)
    for name in ("a", "b", "a", "c"):
        limiter.take(name, rate)
    assert len(limiter) == 2
    assert not limiter.take("a", rate).allowed, "the one that was asked again stays"
    assert limiter.take("b", rate).allowed, "the one that went begins anew"


def test_a_clock_that_steps_back_grants_nothing_and_costs_nothing(clock: Clock) -> None:
    limiter, rate = Limiter(clock), Rate(1, 1)
    limiter.take("a", rate)
    clock.seconds -= 100
    assert not limiter.take("a", rate).allowed
    clock.seconds += 1
    assert limiter.take("a", rate).allowed, "and takes nothing"


@given(RATES, PAUSES)
def test_never_more_than_the_burst_and_what_the_time_brought(rate: Rate, pauses: list[float]) -> None:
    clock = Clock()
    limiter, granted = Limiter(clock), 0
    for pause in pauses:
        clock.seconds += pause
        granted += limiter.take("a", rate).allowed
    assert granted <= rate.burst + rate.per_second * sum(pauses) + 1e-3


@given(RATES, PAUSES)
def test_who_waits_as_long_as_it_was_told_is_let_in(rate: Rate, pauses: list[float]) -> None:
    clock = Clock()
    limiter = Limiter(clock)
    for pause in pauses:
        clock.seconds += pause
        grant = limiter.take("a", rate)
        if not grant.allowed:
            clock.seconds += grant.retry_after
            assert limiter.take("a", rate).allowed


@given(RATES, PAUSES)
def test_what_is_told_is_possible(rate: Rate, pauses: list[float]) -> None:
    clock = Clock()
    limiter = Limiter(clock)
    for pause in pauses:
        clock.seconds += pause
        grant = limiter.take("a", rate)
        assert 0 <= grant.remaining <= grant.limit == rate.burst
        assert 0 <= grant.wait <= 1 / rate.per_second
        assert 0 <= grant.reset <= rate.burst / rate.per_second
        assert grant.retry_after >= 1
        assert math.isfinite(grant.reset)
