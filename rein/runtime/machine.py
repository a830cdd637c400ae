"""What a number was measured on: processor, graphics card, versions of what matters."""

import os
import platform

import mmcv
import mmengine
import mmseg
import numpy as np
import timm
import torch

import rein


def versions() -> dict[str, str]:
    """Versions of Python and of every package that has a part in a number."""
    return {
        'python': platform.python_version(),
        'torch': torch.__version__,
        'timm': timm.__version__,
        'mmengine': mmengine.__version__,
        'mmseg': mmseg.__version__,
        'mmcv': mmcv.__version__,
        'numpy': np.__version__,
        'rein': rein.__version__,
    }


def hardware() -> dict[str, str | int | None]:
    """Processor, its cores that this process may use, threads, and graphics card if any."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()
    return {
        'processor': processor(),
        'cores': usable,
        'threads': torch.get_num_threads(),
        'gpu': torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


def processor() -> str:
    """Name of the processor."""
    try:
        with open('/proc/cpuinfo') as file:
            lines = [line for line in file if line.startswith('model name')]
    except OSError:
        lines = []
    if lines:
        return lines[0].split(':', 1)[1].strip()
    return platform.processor() or platform.machine()
