"""A release gone through from beginning to end; can be stopped at any moment and run again."""

from collections.abc import Iterator

from rein.datasets.preparation.convert import Converter
from rein.datasets.preparation.listing import list_release
from rein.datasets.preparation.manifest import (
    claim,
    summary,
    write_manifest,
    write_statistics,
)
from rein.datasets.preparation.recipe import Plan
from rein.datasets.preparation.records import REFUSED, Journal, Record
from rein.runtime.workers import spread

CHUNK = 16  # records between two writes of the journal


class Preparation:
    """Prepares a release: reads and checks every label, and writes what the plan says.

    Args:
        plan: what to do.
        writes: False only looks, and writes nothing.
        replaces: whether to write over what an earlier preparation or another program left.
        defects: outcome of files that are damaged or hold what they should not: ``REFUSED``, or
            ``SKIPPED`` to leave them out.

    Raises:
        FileNotFoundError: the release is not there.
        ValueError: it has no images, or the output is another preparation's.
    """

    def __init__(
        self,
        plan: Plan,
        *,
        writes: bool = True,
        replaces: bool = False,
        defects: str = REFUSED,
    ) -> None:
        self.plan = plan
        self.writes = writes
        self.replaces = replaces
        self.defects = defects
        self.listing = list_release(plan)
        self.journal = Journal(plan.out)
        self.manifest: dict = {}

    def __len__(self) -> int:
        """Number of images to go through."""
        return len(self.listing.tasks)

    def run(self, workers: int) -> Iterator[int]:
        """Go through all images.

        Args:
            workers: number of processes.

        Yields:
            How many are done; behind the last one, ``manifest`` says what came of it.
        """
        if self.writes:
            self._begin()
        known = self.journal.records
        items = [(task, known.get(task.key)) for task in self.listing.tasks]
        convert = Converter(
            self.plan, writes=self.writes, replaces=self.replaces, defects=self.defects
        )
        waiting: list[Record] = []
        results = spread(convert, items, workers, CHUNK)
        try:
            for done, record in enumerate(results, start=1):
                if known.get(record.key) != record:
                    waiting.append(record)
                if len(waiting) == CHUNK:
                    self._keep(waiting)
                yield done
        finally:
            self._keep(waiting)
        self._finish()

    def _begin(self) -> None:
        """Take over what an earlier run did, unless it is to be replaced."""
        self.plan.out.mkdir(parents=True, exist_ok=True)
        if self.replaces:
            self.journal.path.unlink(missing_ok=True)
            write_manifest(self.plan, [], finished=False)
            return
        claim(self.plan)
        self.journal.load()

    def _keep(self, waiting: list[Record]) -> None:
        if self.writes:
            self.journal.add(waiting)
        else:
            self.journal.records.update({record.key: record for record in waiting})
        waiting.clear()

    def _finish(self) -> None:
        """Write manifest and statistics; parts that this run did not see keep their records."""
        self._keep(list(self.listing.unpaired))
        parts = self.plan.recipe.parts
        keys = {task.key for task in self.listing.tasks}
        keys |= {record.key for record in self.listing.unpaired}
        keys |= {key for key, record in self.journal.records.items() if record.part not in parts}
        records = [self.journal.records[key] for key in sorted(keys)]
        if not self.writes:
            self.manifest = summary(self.plan, records)
            return
        self.journal.finish(keys)
        self.manifest = write_manifest(self.plan, records, finished=True)
        write_statistics(self.plan, records)
