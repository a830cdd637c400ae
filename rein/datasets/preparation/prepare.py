"""A release gone through from beginning to end; can be stopped at any moment and run again."""

from collections.abc import Iterator, Sequence

from rein.datasets.preparation.convert import Converter
from rein.datasets.preparation.listing import list_release
from rein.datasets.preparation.manifest import (
    claim,
    look,
    summary,
    write_manifest,
    write_statistics,
)
from rein.datasets.preparation.recipe import IN_PLACE, Plan
from rein.datasets.preparation.records import READY, REFUSED, Journal, Record
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
        ValueError: it has no images, or the output lies among them.
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

        Raises:
            ValueError: the output is another preparation's, or another process is at work in it.
        """
        try:
            self._begin()
            yield from self._convert(workers)
            self._finish()
        finally:
            self.journal.close()

    def _begin(self) -> None:
        """Take over what an earlier run did, unless it is to be replaced."""
        found = look(self.plan, replaces=self.replaces)
        self.replaces = self.replaces or found.replacing
        if not self.writes:
            return
        self.journal.begin()
        if found.differs or (self.replaces and not found.replacing):
            self._forget(found.differs)
        claim(self.plan, replacing=self.replaces)

    def _forget(self, differs: Sequence[str]) -> None:
        """Drop the records of what is to be replaced."""
        parts = self.plan.recipe.parts
        others = {key: r for key, r in self.journal.records.items() if r.part not in parts}
        if differs and others:
            names = sorted({record.part for record in others.values()})
            raise ValueError(
                f'{self.plan.out} holds {", ".join(names)} too, prepared with other '
                f'{", ".join(differs)}: replace all parts together, or take another --out'
            )
        self.journal.records = others
        self.journal.restart()

    def _convert(self, workers: int) -> Iterator[int]:
        known = self.journal.records
        items = [(task, known.get(task.key)) for task in self.listing.tasks]
        convert = Converter(
            self.plan, writes=self.writes, replaces=self.replaces, defects=self.defects
        )
        waiting: list[Record] = []
        try:
            for done, record in enumerate(spread(convert, items, workers, CHUNK), start=1):
                if known.get(record.key) != record:
                    waiting.append(record)
                if len(waiting) == CHUNK:
                    self.journal.add(waiting)
                    waiting.clear()
                yield done
        finally:
            self.journal.add(waiting)

    def _finish(self) -> None:
        """Write statistics and manifest; parts that this run did not see keep their records."""
        self.journal.add(self.listing.unpaired)
        parts = self.plan.recipe.parts
        keys = {task.key for task in self.listing.tasks}
        keys |= {record.key for record in self.listing.unpaired}
        keys |= {key for key, record in self.journal.records.items() if record.part not in parts}
        records = [self.journal.records[key] for key in sorted(keys)]
        if not self.writes:
            self.manifest = summary(self.plan, records)
            return
        self._remove_stale(keys)
        self.journal.finish(keys)
        write_statistics(self.plan, records)
        self.manifest = write_manifest(self.plan, records)

    def _remove_stale(self, keys: set[str]) -> None:
        """Remove what was written for images that the release no longer has."""
        for key, record in self.journal.records.items():
            if key in keys or record.outcome != READY:
                continue
            if self.plan.images != IN_PLACE:
                (self.plan.out / record.image).unlink(missing_ok=True)
            if record.written:
                (self.plan.out / record.label).unlink(missing_ok=True)
