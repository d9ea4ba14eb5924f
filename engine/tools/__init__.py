"""The headless tools: one module each, with `add_arguments(parser)` and `run(arguments) -> exit code`.

Called by engine.cli on the main thread. Thin: parse, call, print.
"""
