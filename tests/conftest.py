"""The same result every run: hypothesis tries the same examples each time, however busy the machine is.

Other examples: `pytest --hypothesis-seed=0 --hypothesis-profile=search`.
"""

from __future__ import annotations

import signal

from hypothesis import HealthCheck, settings

_LARGE = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]

settings.register_profile("same", deadline=None, derandomize=True, database=None, suppress_health_check=_LARGE)
settings.register_profile("search", deadline=None, suppress_health_check=_LARGE)
settings.load_profile("same")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell does that to what it starts in the background, and the programs that are tested would inherit it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
