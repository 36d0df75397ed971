"""The rules. Pure: no I/O, no clock, no randomness, no logging, no framework; time and ids are arguments."""
