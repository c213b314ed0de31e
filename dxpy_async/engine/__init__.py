"""The event-loop orchestrator that pipelines everything below it."""
