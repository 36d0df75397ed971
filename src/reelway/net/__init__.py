"""The outside world: guarded connections, bounded downloads, signatures, untrusted media in processes of its own."""
