"""The loops that move tasks along: advance one by a step, keep leases, sweep what is lost or over."""
