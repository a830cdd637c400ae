"""A config that is inherited as ``rein::...`` finds its parts, whoever registered them."""

import subprocess
import sys

import mmseg.registry as host
import pytest
from mmengine.registry import DefaultScope

import rein  # noqa: F401

# Of each registry a part of ours, of MMSegmentation's and of MMEngine's.
PARTS = {
    'MODELS': ('FoundationBackbone', 'EncoderDecoder', 'BaseDataPreprocessor'),
    'DATASETS': ('GTA5', 'CityscapesDataset', 'ConcatDataset'),
    'TRANSFORMS': ('LoadLabels', 'PhotoMetricDistortion', 'RandomFlip'),
    'HOOKS': ('AdapterCheckpointHook', 'SegVisualizationHook', 'IterTimerHook'),
    'METRICS': ('DomainIoUMetric', 'IoUMetric', 'DumpResults'),
    'VISUALIZERS': ('SegLocalVisualizer', 'Visualizer'),
    'OPTIM_WRAPPER_CONSTRUCTORS': ('TrainableOptimConstructor', 'DefaultOptimWrapperConstructor'),
}


@pytest.mark.parametrize('registry', PARTS)
def test_the_scope_of_inherited_configs_finds_the_parts_of_all_three_packages(registry):
    with getattr(host, registry).switch_scope_and_registry('rein') as found:
        assert found.scope == 'rein'
        assert [name for name in PARTS[registry] if found.get(name) is None] == []
    assert DefaultScope.get_current_instance() is None or (
        DefaultScope.get_current_instance().scope_name != 'rein'
    )


@pytest.mark.slow
def test_parts_of_the_host_that_nobody_imported_yet_are_found_too():
    # In a process of its own: here other tests have imported everything.
    code = (
        'import rein, mmseg.registry as host\n'
        "with host.VISUALIZERS.switch_scope_and_registry('rein') as found:\n"
        "    raise SystemExit(found.get('SegLocalVisualizer') is None)\n"
    )
    assert subprocess.run([sys.executable, '-c', code], check=False).returncode == 0
