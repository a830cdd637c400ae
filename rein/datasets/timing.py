"""How long each step of a pipeline takes, in CPU seconds of the calling process."""

import time

from mmseg.datasets import BaseSegDataset

LISTED = 'entry'  # looking up a sample's paths comes before the first step


def timed_sample(dataset: BaseSegDataset, index: int) -> tuple[dict, dict[str, float]]:
    """Load a sample as the data set does, with the time of every step.

    Steps of the same type are added up. CPU time of one thread holds still on a shared machine
    where wall time does not.

    Args:
        dataset: one with a ``pipeline``.
        index: of the sample.

    Returns:
        The sample, and seconds by the name of the step, in the order of the pipeline.

    Raises:
        ValueError: a step dropped the sample.
    """
    start = time.process_time()
    sample = dataset.get_data_info(index)
    taken = {LISTED: time.process_time() - start}
    for step in dataset.pipeline.transforms:
        name = type(step).__name__
        start = time.process_time()
        sample = step(sample)
        taken[name] = taken.get(name, 0.0) + time.process_time() - start
        if sample is None:
            raise ValueError(f'{name} dropped sample {index}; it cannot be timed')
    return sample, taken
