"""What to do in each task, as somebody would say it."""

from collections.abc import Mapping

METAWORLD: Mapping[str, str] = {
    "door-unlock": "unlock the door",
    "door-open": "open the door",
    "plate-slide": "slide the plate into the cabinet",
    "plate-slide-back": "get the plate back out of the cabinet",
    "plate-slide-side": "slide the plate sideways into the cabinet",
    "plate-slide-back-side": "get the plate sideways out of the cabinet",
    "coffee-button": "press the button of the coffee machine",
    "coffee-pull": "pull the mug away from the coffee machine",
    "button-press": "press the button",
    "button-press-wall": "press the button behind the wall",
    "button-press-topdown": "press the button down from above",
    "button-press-topdown-wall": "press the button down from above, behind the wall",
    "bin-picking": "pick the cube up and put it into the other bin",
    "hammer": "hammer the nail into the board",
    "drawer-close": "close the drawer",
    "drawer-open": "open the drawer",
}
KITCHEN: Mapping[str, str] = {
    "bottom-burner": "turn on the bottom burner",
    "top-burner": "turn on the top burner",
    "light-switch": "switch on the light",
    "slide-cabinet": "slide the cabinet open",
    "microwave": "open the microwave",
    "kettle": "move the kettle to the back burner",
}
XARM: Mapping[str, str] = {
    "insert-green": "put the peg into the green cup",
    "insert-yellow": "put the peg into the yellow cup",
    "insert-blue": "put the peg into the blue cup",
    "reach": "reach the target",
    "pour-left": "pour the grains into the left bowl",
    "pour-right": "pour the grains into the right bowl",
    "open-box-left": "open the left box",
    "open-box-right": "open the right box",
    "close-drawer-left": "close the left drawer",
    "close-drawer-right": "close the right drawer",
}
