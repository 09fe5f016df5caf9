"""Files of a public git repository at one commit, read as `dvc get` reads them."""

import contextlib
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ConfigDict

from distil.pipeline.files import InputError


class Pin(BaseModel):
    """A git repository and the commit to read."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    repository: str
    revision: str


@contextlib.contextmanager
def pinned(pin: Pin, advice: str) -> Iterator[Any]:
    """The repository's files as a DVCFileSystem.

    Raises InputError, which ends in `advice`, when the repository or a file that is read of it cannot be reached.
    """
    from dvc.api import DVCFileSystem  # slow to import, and needed only here
    from dvc.exceptions import DvcException
    from scmrepo.exceptions import SCMError

    try:
        yield DVCFileSystem(pin.repository, rev=pin.revision)
    except (DvcException, SCMError, OSError) as error:
        reason: BaseException = error
        while cause := reason.__cause__ or reason.__context__:  # DVC says "SCM error"; the first error says why
            reason = cause
        raise InputError(f"{pin.repository} at {pin.revision} could not be fetched: {reason}. {advice}") from error
