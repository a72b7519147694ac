"""The subcommands of `antiphon`, a module each; every one has `add_arguments` and `run`."""
