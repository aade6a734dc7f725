"""How the emulated arm is commanded from tick to tick, in metres, radians and seconds."""
