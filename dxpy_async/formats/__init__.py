"""Bytes to values and back: wheels, RECORD, core metadata, index pages, locks."""
