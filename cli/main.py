"""The entry point: commands by name, and the one boundary that turns errors into messages."""

from __future__ import annotations

import sys
import tempfile
import traceback

import typer

from geocnn.errors import GeocnnError

from .check import check
from .convert import convert
from .evaluate import evaluate
from .export import export
from .init import init
from .inspect import inspect
from .label import label
from .models import models
from .plot import plot
from .predict import predict
from .slurm import slurm
from .synth import synth
from .train import train

__all__ = ["app", "run"]

INTERRUPTED = 130
FAULT_OF_GEOCNN = 70

app = typer.Typer(
    name="geocnn",
    help="Train convolutional networks on gridded geoscience data and run them on new surveys.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for command in (inspect, label, init, check, train, evaluate, predict, export, convert, plot):
    app.command()(command)
app.add_typer(synth, name="synth")
app.add_typer(slurm, name="slurm")
app.add_typer(models, name="models")


def run() -> None:
    """Run geocnn on the arguments of the process and exit with its status."""
    sys.exit(_status())


def _status() -> int:
    """0 done, 1 data or run at fault, 2 wrong usage, 70 geocnn at fault, 75 stopped with all saved, 130 interrupted."""
    try:
        app()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except GeocnnError as error:
        from . import report

        report.fail(error)
        return error.exit_status
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return INTERRUPTED
    except Exception:  # noqa: BLE001 (the one boundary: the fault is logged and told, with a status of its own)
        return _own_fault()
    return 0


def _own_fault() -> int:
    """Keep the traceback of geocnn's own fault in a file and apologise."""
    from . import report

    with tempfile.NamedTemporaryFile("w", prefix="geocnn-fault-", suffix=".txt", delete=False, encoding="utf-8") as log:
        log.write(f"{' '.join(sys.argv)}\n\n{traceback.format_exc()}")
    report.apologise(log.name)
    return FAULT_OF_GEOCNN
