"""What all visitors share on the server: queue, memory, log, health."""
