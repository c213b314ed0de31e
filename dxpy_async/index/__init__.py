"""The asynchronous index client: pages, metadata, downloads."""
