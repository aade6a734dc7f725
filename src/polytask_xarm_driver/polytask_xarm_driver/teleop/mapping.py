"""Which part of a joystick does what."""

from collections.abc import Iterator
from dataclasses import dataclass

from polytask_contract.errors import PolyTaskError
from polytask_xarm_driver.teleop.feeds import Feed, StickFeed
from polytask_xarm_driver.teleop.sample import Sample
from polytask_xarm_driver.teleop.switch import Switch

DEADMAN, SLOWER, FASTER = "deadman", "slower", "faster"
# The other three are the words that the operator can say.
ROLES = (DEADMAN, SLOWER, FASTER, "start", "success", "cancel")


class InvalidMapping(PolyTaskError):
    """A mapping contradicts itself; the message names the entry."""


class MappingMismatch(PolyTaskError):
    """A mapping names what the joystick or the environment does not have."""


@dataclass(frozen=True)
class Mapping:
    """What each button and stick is for.

    `switches` has one for each of ROLES, in that order; `speeds` are the factors that two of them
    step through, ascending; `feeds` tell the first values of an action, the rest of them are 0.
    """

    name: str
    pad: str
    switches: tuple[Switch, ...]
    speeds: tuple[float, ...]
    feeds: tuple[Feed, ...]

    def __post_init__(self) -> None:
        """Refuse what cannot be meant; raise InvalidMapping."""
        if len(self.switches) != len(ROLES):
            raise InvalidMapping(f"{len(self.switches)} switches; valid: one for each of {ROLES}")
        ascending = sorted(set(self.speeds))
        if not self.speeds or list(self.speeds) != ascending or not ascending[0] > 0:
            raise InvalidMapping(f"speeds is {list(self.speeds)}; valid: ascending, above 0")
        if ascending[-1] > 1:
            raise InvalidMapping(f"speeds has {ascending[-1]:g}; valid: at most 1")
        if not self.feeds:
            raise InvalidMapping("action is empty; valid: a feed for each of its first values")
        self._check_feeds()
        self._check_roles()

    def _check_feeds(self) -> None:
        for number, feed in enumerate(self.feeds):
            if isinstance(feed, StickFeed) and not 0 < abs(feed.scale) <= 1:
                raise InvalidMapping(
                    f"value {number} of the action has scale {feed.scale:g}; "
                    "valid: -1 to 1, and not 0"
                )

    def _check_roles(self) -> None:
        taken: dict[Switch, str] = {}
        for role, switch in self._named_switches():
            if switch.place < 0:
                raise InvalidMapping(f"{role} is {switch}; valid: numbers from 0")
            if switch.beyond is not None and not 0 < abs(switch.beyond) <= 1:
                raise InvalidMapping(f"{role} is {switch}; valid: -1 to 1, and not 0")
            other = taken.setdefault(switch, role)
            if other != role:
                raise InvalidMapping(f"{other} and {role} are both {switch}; valid: one role each")

    def _named_switches(self) -> Iterator[tuple[str, Switch]]:
        yield from zip(ROLES, self.switches, strict=True)
        for number, feed in enumerate(self.feeds):
            if not isinstance(feed, StickFeed):
                yield f"plus of value {number} of the action", feed.plus
                yield f"minus of value {number} of the action", feed.minus

    def check_environment(self, action_size: int) -> None:
        """Raise MappingMismatch when actions have fewer values than the mapping feeds."""
        if len(self.feeds) > action_size:
            raise MappingMismatch(
                f"the mapping {self.name!r} feeds {len(self.feeds)} values of an action; "
                f"valid: at most {action_size}, which the environment has"
            )

    def check_pad(self, sample: Sample) -> None:
        """Raise MappingMismatch when the joystick lacks an axis or a button that is named here."""
        for number, feed in enumerate(self.feeds):
            if isinstance(feed, StickFeed):
                role = f"value {number} of the action"
                self._check_part("axis", feed.axis, len(sample.axes), role)
        for role, switch in self._named_switches():
            if switch.beyond is None:
                self._check_part("button", switch.place, len(sample.buttons), role)
            else:
                self._check_part("axis", switch.place, len(sample.axes), role)

    def _check_part(self, part: str, place: int, count: int, role: str) -> None:
        if place >= count:
            raise MappingMismatch(
                f"the mapping {self.name!r} takes {role} from {part} {place}; "
                f"valid: 0 to {count - 1}, which the joystick has"
            )

    def held(self, sample: Sample) -> frozenset[str]:
        """Return the ROLES whose switches are held."""
        pairs = zip(ROLES, self.switches, strict=True)
        return frozenset(role for role, switch in pairs if switch.held(sample))
