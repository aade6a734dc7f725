"""When a picture was taken, in the clock by which everything else here is measured."""

# A picture that waited longer than this was not kept waiting: its stamp means something else.
LONGEST_WAY = 10.0
# Two readings of one clock in two processes may differ by so much.
TOLERANCE = 0.01


def capture_time(stamp: float, arrived: float, wall: float) -> float | None:
    """Return a device's `stamp` as seconds of the monotonic clock; None when it does not fit one.

    Video drivers stamp the exposure by the kernel's monotonic clock, some devices by the wall's.
    Which it is shows: a picture comes within seconds after it was taken, and the two clocks are
    decades apart. `arrived` and `wall` are the two clocks when the picture came [s]. A stamp that
    fits neither counts from a start that nobody knows.
    """
    for taken in (stamp, stamp + arrived - wall):
        if -TOLERANCE <= arrived - taken <= LONGEST_WAY:
            return min(taken, arrived)
    return None
