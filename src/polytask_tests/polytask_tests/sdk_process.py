"""The xArm maker's own SDK in a process of its own, driven by lines of JSON.

    python -m polytask_tests.sdk_process ADDRESS

It needs one because it changes how every socket of its process waits. Each line on standard input
is a list, `[name]` for a property or `[name, positional arguments, named ones]` for a call, and is
answered by one line with its value. `["connections"]` tells what the SDK said of them so far.
"""

import json
import os
import sys
from typing import Any

REPORT_TYPE = "rich"


def main() -> None:
    """Connect, say so with the firmware's version, and do what is asked for until input ends."""
    # The SDK prints to standard output, and does so when it is imported: that is for answers here.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    from xarm.wrapper import XArmAPI  # noqa: PLC0415

    arm = XArmAPI(sys.argv[1], is_radian=True, report_type=REPORT_TYPE)
    connections: list[Any] = []
    arm.register_connect_changed_callback(connections.append)
    answer: Any = arm.version_number
    print(json.dumps(answer), file=answers, flush=True)
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        if name == "connections":
            answer = connections
        elif arguments:
            answer = getattr(arm, name)(*arguments[0], **arguments[1])
        else:
            answer = getattr(arm, name)
        print(json.dumps(answer, default=list), file=answers, flush=True)
    arm.disconnect()


if __name__ == "__main__":
    main()
