"""The controller's error codes: what each means, and what to do about it."""

EMERGENCY = "release the emergency stop"
WAY_OUT = "move the arm back by hand in the maker's manual mode"
SUPPORT = "switch the controller off and on, and ask the maker if it comes back"

# Meaning and remedy by code, after the maker's list.
FAULTS: dict[int, tuple[str, str]] = {
    1: ("the emergency stop button at the controller is pressed", EMERGENCY),
    2: ("the emergency stop input of the controller is open", EMERGENCY),
    3: ("the emergency stop of the three-state switch is pressed", EMERGENCY),
    10: ("a servo motor failed", SUPPORT),
    **{10 + joint: (f"the servo motor of joint {joint} failed", SUPPORT) for joint in range(1, 8)},
    18: ("the force sensor does not answer", "check its cable"),
    19: ("the gripper does not answer", "check its cable, and that it runs at 2 Mbaud"),
    21: ("the controller found no posture for the motion", WAY_OUT),
    22: ("the arm was about to hit itself", WAY_OUT),
    23: ("a joint passed its limit", WAY_OUT),
    24: (
        "a joint would have been too fast",
        "lower the speed, or keep away from stretched postures",
    ),
    25: ("the controller could not plan the motion", "lower the speed"),
    26: ("the controller's real-time system failed", SUPPORT),
    27: ("a command was answered wrongly inside the controller", SUPPORT),
    28: ("the end of the arm does not answer", SUPPORT),
    30: ("a joint turned faster than it may", SUPPORT),
    31: ("the arm hit something", "clear its way, and check the load and the sensitivity"),
    33: ("the controller's inputs and outputs failed", SUPPORT),
    35: ("the tool reached the controller's safety boundary", WAY_OUT),
    37: ("the arm moved unexpectedly in manual mode", "check the load and how the arm is mounted"),
    38: ("a joint's angle is not plausible", SUPPORT),
    39: ("the power board failed", SUPPORT),
    40: ("no way for the joints was found", WAY_OUT),
    60: ("a joint was asked to turn too fast", "lower the speed"),
}


def describe(code: int) -> str:
    """Return what the controller's error `code` means and what to do, in one sentence."""
    meaning, remedy = FAULTS.get(code, ("not in the list we have", "see the maker's manual"))
    return f"controller error {code}: {meaning}; {remedy}"
