"""PubGrub as a synchronous state machine: it says what it needs, is told, and goes on."""
