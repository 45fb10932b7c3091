"""Whatever happens ends in one sentence and an exit code, never in a stack trace."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

import click

from vareon_runtime.errors import VareonError

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells know it."""


@contextlib.contextmanager
def told_in_a_sentence() -> Iterator[None]:
    """Turn what a command raises into what click prints, or into an exit code.

    Raises:
        click.ClickException: With the sentence.
        click.exceptions.Exit: After Ctrl-C, and when whoever read the output had enough.
    """
    try:
        yield
    except (click.ClickException, click.exceptions.Exit, click.Abort):
        raise
    except KeyboardInterrupt:
        raise click.exceptions.Exit(INTERRUPTED) from None
    except BrokenPipeError:
        _forget_output()
        raise click.exceptions.Exit(0) from None
    except VareonError as error:
        raise click.ClickException(error.detail) from None
    except PermissionError as error:
        raise click.ClickException(
            f"{error.filename} is not yours to use ({error.strerror}): run this as the user that "
            "Vareon runs as, or name another --data-dir"
        ) from None
    except OSError as error:
        raise click.ClickException(_system(error)) from None
    except Exception as error:  # noqa: BLE001 - the last place that can say it in a sentence
        place = traceback.extract_tb(error.__traceback__)[-1]
        raise click.ClickException(
            f"this was not foreseen ({type(error).__name__}: {error}, at "
            f"{Path(place.filename).name}:{place.lineno}): please report it"
        ) from None


def _system(error: OSError) -> str:
    if error.errno == errno.ENOSPC:
        return "the disk is full: free some space, and do it again"
    what = error.strerror or str(error) or type(error).__name__
    return f"{error.filename}: {what}" if error.filename else what


def _forget_output() -> None:
    """Python flushes once more when it ends, and would complain then."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
