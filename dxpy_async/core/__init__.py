"""Values and rules: names, requirements, environments, releases, locks. Plain data, no input or output."""
