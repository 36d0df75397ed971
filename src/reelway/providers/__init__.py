"""Outbound: those who make videos for us, each behind the protocol of `base`."""
