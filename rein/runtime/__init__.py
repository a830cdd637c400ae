"""From a command line and a config to a run: settings, failures, processes, the runner."""
