"""Apache Beam, where it is installed: its classes, its options, and how a run ends."""

from collections.abc import Callable, Sequence

from zfkeras.errors import RunError, UsageError

try:
    from apache_beam import DoFn
except ImportError:  # only the commands for clusters need it, and say so
    DoFn = object

__all__ = ["DoFn", "check_installed", "run_pipeline"]


def check_installed() -> None:
    """Says what to do where Apache Beam is missing."""
    if DoFn is object:
        raise UsageError(
            "this command needs Apache Beam: pip install 'zfkeras[beam]' "
            "in an environment of its own "
            "(docs/scale.md)."
        )


def run_pipeline(options: Sequence[str], build: Callable) -> None:
    """Runs a pipeline to its end."""
    import apache_beam
    from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions
    from apache_beam.runners.portability.fn_api_runner import FnApiRunner

    try:
        parsed = PipelineOptions([*options])
        runner = parsed.view_as(StandardOptions).runner
        if runner in (None, "DirectRunner"):
            # Which is this one, but for a program that it would download first.
            runner = FnApiRunner()
        pipeline = apache_beam.Pipeline(runner, options=parsed)
    except (SystemExit, ValueError) as err:  # argparse has said why on its own
        raise UsageError(
            f"Apache Beam takes no such options. Received: {' '.join(options)}."
        ) from err
    build(pipeline)
    try:
        state = pipeline.run().wait_until_finish()
    except Exception as err:  # a runner raises whatever its workers have raised
        lines = [line for line in str(err).splitlines() if line.strip()]
        raise RunError(
            f"the pipeline failed: {(lines or [type(err).__name__])[-1]}"
        ) from err
    if str(state) != "DONE":
        raise RunError(f"the pipeline ended as {state}")
