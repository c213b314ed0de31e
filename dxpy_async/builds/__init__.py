"""Building wheels and sdists from source trees: the front end of PEP 517 and PEP 660."""
