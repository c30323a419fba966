from tides.app import HOURS


def test_times_are_of_a_clock():
    assert all(len(time.split(":")) == 2 for time in HOURS.values())
