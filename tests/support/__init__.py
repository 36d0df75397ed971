"""What tests of several folders share: a clock to turn, a provider to script, real media, a running gateway."""
