"""A folder that belongs to one set of settings, whoever comes first."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

from rein.runtime.files import replace_file


def claim(record: Path, settings: Mapping[str, object], what: str, mend: str) -> None:
    """Write settings to a file, or compare them with those that stand there.

    Several processes may begin at once, all with the same settings.

    Args:
        record: the file, JSON.
        settings: plain data.
        what: the folder holds, for the error: 'labels'.
        mend: what to do about other settings, likewise.

    Raises:
        ValueError: there are others.
    """
    mine = json.loads(json.dumps(dict(settings)))
    if not record.is_file():
        part = record.with_name(f'.{record.name}.{uuid4().hex}')
        replace_file(part, (json.dumps(mine, indent=2) + '\n').encode())
        os.replace(part, record)
        return
    differ = differences(json.loads(record.read_text()), mine)
    if differ:
        raise ValueError(
            f'{record.parent} holds {what} that were made otherwise: {"; ".join(differ)}; {mend}'
        )


def differences(there: Mapping[str, object], mine: Mapping[str, object]) -> list[str]:
    """What differs between settings that were written down and those of now, one each."""
    return [
        f'{key} is {there.get(key)!r} there and {value!r} here'
        for key, value in mine.items()
        if there.get(key) != value
    ]
