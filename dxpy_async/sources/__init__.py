"""Trees of source that releases are built from: git repositories, kept in the cache."""
