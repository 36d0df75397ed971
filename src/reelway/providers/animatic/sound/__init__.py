"""The sound bed of a film: what the scene would sound like, and a pad in a key that suits its mood."""
