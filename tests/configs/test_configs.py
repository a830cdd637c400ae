"""Every config: it parses, says what it is for, and its real-sized parts can be built."""

import ast
import copy
import json
from functools import cache, partial
from pathlib import Path
from unittest.mock import patch

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import HOOKS, PARAM_SCHEDULERS, init_default_scope
from mmseg.registry import DATASETS, METRICS, MODELS, OPTIM_WRAPPER_CONSTRUCTORS

import rein  # noqa: F401
from rein.datasets.streetscenes.picture import SIZE
from rein.runtime.settings import READ, inner_segmentor

ROOT = Path(__file__).resolve().parents[2]
CROPS = ('RandomCrop', 'FastRandomCrop')
CONFIGS = ROOT / 'configs'
LEAVES = sorted(
    str(f.relative_to(CONFIGS))
    for f in CONFIGS.rglob('*.py')
    if '_base_' not in f.relative_to(CONFIGS).parts
)

# Trainable parameters of the adapter (and of CLIP's learned pyramid), from instances of the
# authors' code; the head's in the published shape.
ADAPTER = {
    'dinov2_gta2cbm': 2_990_081,
    'dinov2_gta2city': 2_990_081,
    'dinov2_syn2cbm': 2_990_081,
    'dinov2_gta+syn+urban2city': 2_990_081,
    'dinov2_city2acdc': 2_990_081,
    'dinov2_city2acdc_512': 2_990_081,
    'dinov2_small_gta2cbm': 684_033,
    'dinov2_base_gta2cbm': 1_741_569,
    'dinov2_frozen_gta2cbm': 0,
    'dinov3_gta2cbm': 2_990_081,
    'eva02_gta2cbm': 2_990_081,
    'clip_gta2cbm': 15_586_305,
    'sam_gta2cbm': 3_892_481,
    'convnext_gta2cbm': 8_289_156,
    'resnet50_gta2cbm': 13_187_588,
}
HEAD = {
    'dinov2_gta2cbm': 20_579_796,
    'dinov2_small_gta2cbm': 19_924_436,
    'dinov2_base_gta2cbm': 20_317_652,
    'dinov2_frozen_gta2cbm': 20_565_204,
    'convnext_gta2cbm': 20_268_500,
    'resnet50_gta2cbm': 20_514_260,
}
ADAPTS = ('daformer', 'hrda')
STRIDES = {
    'resnet50_gta2cbm': [4, 8, 8, 8],  # dilated
    **{name: [8] for name in ('scratch', 'full', 'frozen', 'rein', 'pretrain_tiny')},  # one map
    **{name: [8, 8, 8] for name in ('rein_views', 'rein_styles')},
    **{f'rein_selftraining{name}': [8, 8, 8] for name in ('', '_sure', '_vote', '_sam')},
    **{name: [8] for name in ('uda', 'uda_one_shot', 'uda_generated')},
    **{name: [4, 8, 8, 8] for name in ('dacs_gta2city', *(f'{m}_r101_gta2city' for m in ADAPTS))},
    **{name: [4, 8, 8, 8] for name in ('resnet', 'resnet_isw', 'resnet_views', 'resnet_blindnet')},
}

BUILT: dict[str, torch.nn.Module] = {}


@cache
def parsed(leaf: str) -> Config:
    return Config.fromfile(CONFIGS / leaf)


def config(leaf: str) -> Config:
    """The config of a file, fresh, so that a test may change it."""
    init_default_scope('mmseg')
    return copy.deepcopy(parsed(leaf))


def model(leaf: str) -> torch.nn.Module:
    """The model in its real size, without memory and without weights."""
    settings = config(leaf).model
    inner_segmentor(settings).backbone.pop('weights', None)
    text = json.dumps(settings, sort_keys=True)
    if text not in BUILT:  # many configs share a model
        with torch.device('meta'), patch('torch.linspace', partial(torch.linspace, device='cpu')):
            BUILT[text] = MODELS.build(settings)
    return BUILT[text]


def segmentor(leaf: str) -> torch.nn.Module:
    """What has backbone and head: the model itself, or what it wraps."""
    built = model(leaf)
    while hasattr(built, 'segmentor'):
        built = built.segmentor
    return built


def trained(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


@pytest.mark.parametrize('leaf', LEAVES)
def test_a_config_says_in_its_first_line_what_it_trains_and_tests_on(leaf):
    text = (CONFIGS / leaf).read_text()
    first = ast.get_docstring(ast.parse(text)).splitlines()[0].lower()
    assert ('trains' in first or 'fine-tunes' in first) and ' on ' in first
    assert 'tests on' in first and first.endswith('.')
    assert len(text.splitlines()) <= 35


@pytest.mark.parametrize('leaf', LEAVES)
def test_a_config_has_no_key_that_nobody_reads(leaf):
    assert set(parsed(leaf)) <= set(READ)


@pytest.mark.parametrize('leaf', LEAVES)
def test_a_configs_head_is_told_the_true_channels_and_strides(leaf):
    built = segmentor(leaf)
    head = getattr(built.decode_head, 'head', built.decode_head)
    told, numbers = head.in_channels, getattr(head, 'in_index', None)
    channels = built.backbone.channels
    if isinstance(told, int):
        assert told == channels[numbers]
    else:
        numbers = range(len(channels)) if numbers is None else numbers
        assert list(told) == [channels[i] for i in numbers]
    name = Path(leaf).stem
    strides = STRIDES.get(name, [4, 8, 16, 32])
    if leaf.startswith('blindnet/'):
        strides = (
            [8, 16, 16, 16]
            if name.split('_')[-2] in ('shufflenet', 'mobilenet')
            else [4, 8, 16, 16]
        )
    scales = getattr(getattr(head, 'pixel_decoder', None), 'scales', (1,) * len(channels))
    found = [step / scale for step, scale in zip(built.backbone.strides, scales, strict=True)]
    assert found == strides


@pytest.mark.parametrize('name', ADAPTER)
def test_a_configs_adapter_has_the_published_number_of_parameters(name):
    assert trained(model(f'rein/{name}.py').backbone) == ADAPTER[name]


@pytest.mark.parametrize('name', HEAD)
def test_a_configs_head_has_the_published_number_of_parameters(name):
    assert trained(model(f'rein/{name}.py').decode_head) == HEAD[name]


def test_full_fine_tuning_trains_the_whole_body_at_a_tenth_of_the_rate():
    leaf = 'rein/dinov2_full_gta2cbm.py'
    assert trained(model(leaf).backbone) == sum(
        p.numel() for p in model(leaf).backbone.parameters()
    )
    rates = {id(p): g['lr'] for g in groups(leaf) for p in g['params']}
    assert {round(rates[id(p)], 9) for p in model(leaf).backbone.parameters()} == {1e-5}
    assert {rates[id(p)] for p in model(leaf).decode_head.parameters()} == {1e-4}


def test_rows_of_the_streets_differ_in_what_trains_and_in_nothing_else():
    rows = {name: config(f'streets/{name}.py') for name in ('scratch', 'full', 'frozen', 'rein')}
    trained_by = {name: trained(model(f'streets/{name}.py').backbone) for name in rows}
    body = sum(p.numel() for p in model('streets/scratch.py').backbone.parameters())
    assert trained_by['frozen'] == 0
    # Six blocks of 198,272, a patch embedding of 24,704 and 288 positions of 128.
    assert trained_by['scratch'] == trained_by['full'] == body == 1_251_200
    assert 0 < trained_by['rein'] < 0.1 * body
    for settings in rows.values():
        for key in ('train', 'weights', 'adapter'):
            settings.model.backbone.pop(key, None)
        for key in ('optimizer.lr', 'paramwise_cfg'):
            settings.merge_from_dict({f'optim_wrapper.{key}': None})
        assert settings.to_dict() == rows['scratch'].to_dict()


def test_full_fine_tuning_of_the_streets_has_a_slow_body_and_decays_as_the_others():
    built = model('streets/full.py')
    full, scratch = groups('streets/full.py'), groups('streets/scratch.py')
    rates = {id(p): g['lr'] for g in full for p in g['params']}
    (body,) = {rates[id(p)] for p in built.backbone.parameters()}
    assert {rates[id(p)] for p in built.decode_head.parameters()} == {100 * body}
    decayed = [
        sum(p.numel() for g in side if g['weight_decay'] for p in g['params'])
        for side in (full, scratch)
    ]
    assert decayed[0] == decayed[1]


def groups(leaf: str) -> list[dict]:
    """Parameter groups of the optimizer that a config asks for."""
    settings = config(leaf).optim_wrapper
    constructor = OPTIM_WRAPPER_CONSTRUCTORS.build(
        dict(
            type=settings.pop('constructor'),
            paramwise_cfg=settings.pop('paramwise_cfg', None),
            optim_wrapper_cfg=settings,
        )
    )
    return constructor(model(leaf)).optimizer.param_groups


@pytest.mark.parametrize('leaf', LEAVES)
def test_a_configs_optimizer_holds_just_what_trains(leaf):
    held = {id(p) for group in groups(leaf) for p in group['params']}
    assert held == {id(p) for p in model(leaf).parameters() if p.requires_grad}


def test_rein_decays_209_of_its_303_tensors_as_the_authors_runs_did():
    decayed = [len(g['params']) for g in groups('rein/dinov2_gta2cbm.py') if g['weight_decay']]
    spared = [len(g['params']) for g in groups('rein/dinov2_gta2cbm.py') if not g['weight_decay']]
    assert (sum(decayed), sum(spared)) == (209, 94)


@pytest.mark.parametrize('leaf', LEAVES)
def test_a_configs_data_sets_metrics_and_hooks_can_be_built(leaf):
    settings = config(leaf)
    for kind in ('train', 'val', 'test'):
        dataset = settings[f'{kind}_dataloader'].dataset
        names = {type(each).__name__ for each in leaf_datasets(DATASETS.build(put_off(dataset)))}
        assert names, kind
    for kind in ('val', 'test'):
        assert METRICS.build(settings[f'{kind}_evaluator']) is not None
    for hook in [*settings.default_hooks.values(), *settings.get('custom_hooks', ())]:
        assert HOOKS.build(hook) is not None


def put_off(dataset: dict) -> dict:
    """Ask for no file yet: the data need not be there."""
    if 'datasets' in dataset:
        return {**dataset, 'lazy_init': True, 'datasets': [put_off(d) for d in dataset['datasets']]}
    if 'source' in dataset:
        parts = {name: put_off(dataset[name]) for name in ('source', 'target')}
        return {**dataset, **parts, 'lazy_init': True}
    if 'dataset' in dataset:
        draws = dataset['type'] in ('ClassUniformDataset', 'RareClassDataset')
        late = {'lazy_init': True} if draws else {}
        return {**dataset, **late, 'dataset': put_off(dataset['dataset'])}
    return {**dataset, 'lazy_init': True}


def leaf_datasets(dataset: object) -> list[object]:
    parts = getattr(dataset, 'datasets', None) or getattr(dataset, 'parts', None)
    parts = parts if isinstance(parts, list) else [getattr(dataset, 'dataset', None)]
    if parts == [None]:
        return [dataset]
    return [leaf for part in parts for leaf in leaf_datasets(part)]


@pytest.mark.parametrize('leaf', LEAVES)
def test_a_configs_learning_rate_ends_with_its_training(leaf):
    settings = config(leaf)
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    for scheduler in settings.param_scheduler:
        PARAM_SCHEDULERS.build(scheduler, default_args=dict(optimizer=optimizer))
    if not settings.param_scheduler:
        assert leaf.startswith('clouds/')  # constant, as published
        return
    assert settings.param_scheduler[0].begin == 0
    # 0 in the last iteration, or, as SGD, CLOUDS and DAFormer were published, in the one that
    # would be next
    published = leaf.startswith(('clouds/', 'uda/', 'datum/'))
    behind = settings.optim_wrapper.optimizer.type == 'SGD' or published
    assert settings.param_scheduler[-1].end == settings.train_cfg.max_iters + behind


@pytest.mark.parametrize('leaf', LEAVES)
def test_a_configs_crops_windows_and_batches_have_one_size(leaf):
    settings = config(leaf)
    inner = inner_segmentor(settings.model)
    size = inner.data_preprocessor.size
    assert {tuple(crop) for crop in crops(settings.train_dataloader)} == {tuple(size)}
    if inner.test_cfg.mode == 'slide':
        assert tuple(inner.test_cfg.crop_size) == tuple(size)


def crops(node: object) -> list[tuple[int, int]]:
    """Sizes, (height, width), of all random crops and of all drawn scenes in a part of a config."""
    if isinstance(node, dict):
        own = [node['crop_size']] if node.get('type') in CROPS else []
        if node.get('type') == 'DrawnScenes':
            own = [node.get('size', SIZE)[::-1]]
        if node.get('type') == 'ScaleAndCrop':
            own = [(node['size'], node['size'])]
        return own + [crop for child in node.values() for crop in crops(child)]
    if isinstance(node, list | tuple):
        return [crop for child in node for crop in crops(child)]
    return []


# Source -> iteration before which ISW chooses its pairs: six passes over the data in the
# published batches of 16, 16 and 8.
ISW_BEGINS = {'gta2cbm': 6 * 12388 // 16, 'syn2cbm': 6 * 6580 // 16, 'city2bmgs': 6 * 2975 // 8}


@pytest.mark.parametrize(
    ('network', 'source', 'weight', 'clusters'),
    [
        ('r50', 'gta2cbm', 0.6, 3),
        ('r50', 'syn2cbm', 0.6, 3),
        ('r50', 'city2bmgs', 0.6, 2),
        ('r101', 'gta2cbm', 0.6, 3),
        ('mobilenet', 'gta2cbm', 1.0, 20),
        ('shufflenet', 'gta2cbm', 0.8, 2),
    ],
)
def test_isw_has_the_published_weight_clusters_and_beginning(network, source, weight, clusters):
    settings = config(f'blindnet/isw_{network}_{source}.py')
    loss = settings.model.losses.isw
    assert (loss.loss_weight, loss.clusters) == (weight, clusters)
    (hook,) = settings.custom_hooks
    assert abs(hook.begin - ISW_BEGINS[source]) <= 5  # passes are whole numbers of batches
    assert settings.train_dataloader.batch_size == (4 if source == 'city2bmgs' else 8)


@pytest.mark.parametrize('network', ['r50', 'shufflenet', 'mobilenet'])
@pytest.mark.parametrize('source', ISW_BEGINS)
def test_blindnet_has_the_published_weights_crops_and_batch(network, source):
    settings = config(f'blindnet/{network}_{source}.py')
    losses = settings.model.losses
    weights = losses.match, losses.cross, *losses.contrast.terms.values()
    assert [part.loss_weight for part in weights] == [0.2, 0.2, 0.3, 0.3]
    assert losses.contrast.terms.cwcl.negatives == 'all'
    assert settings.train_dataloader.batch_size == 4
    sampled = settings.train_dataloader.dataset.dataset
    expected = (380, 'robustnet-train') if source == 'syn2cbm' else (1024, 'robustnet-train')
    expected = (1024, 'train') if source == 'city2bmgs' else expected
    assert (sampled.tile, sampled.dataset.split) == expected


@pytest.mark.parametrize('leaf', [f for f in LEAVES if f.startswith('blindnet/')])
def test_norms_stand_at_the_three_places_of_robustnet(leaf):
    name = Path(leaf).stem
    sites = segmentor(leaf).backbone.style_sites
    if name.startswith('plain'):
        assert sites == {}
    elif '101' in name:
        assert sites == {
            'norms.stem1': 64,
            'norms.stem2': 64,
            'norms.stage1': 256,
            'norms.stage2': 512,
        }
    else:
        expected = {'r50': [64, 256, 512], 'shufflenet': [24, 116, 232], 'mobilenet': [16, 32, 64]}
        (network,) = set(name.split('_')) & set(expected)
        assert list(sites.values()) == expected[network]


# Source -> images, factor and iterations of both stages, rate, as published.
CLOUDS = {
    'gta2cbm': (2.0, 40_000, 40_000, 1e-5),
    'syn2cbm': (0.7, 30_000, 30_000, 1e-5),
    'city2acdc': (0.2, 5_000, 10_000, 1e-4),
}


@pytest.mark.parametrize('network', ['convnext', 'r50', 'r101'])
@pytest.mark.parametrize('source', CLOUDS)
def test_clouds_has_the_published_settings(network, source):
    factor, first, second, rate = CLOUDS[source]
    warm, joint = (config(f'clouds/{network}_{source}{end}.py') for end in ('_warm_up', ''))
    assert (warm.train_cfg.max_iters, joint.train_cfg.max_iters) == (first, second)
    assert joint.load_from == f'work_dirs/{network}_{source}_warm_up/iter_{first}.pth'
    assert joint.model.segmentor == warm.model
    for settings in (warm, joint):
        assert settings.optim_wrapper.optimizer.lr == rate
        assert settings.optim_wrapper.clip_grad.max_norm == 0.01
        assert settings.train_dataloader.batch_size == 4
    assert tuple(joint.train_dataloader.sampler.factors) == (1.0, factor)
    (hook,) = joint.custom_hooks
    assert (hook.type, hook.momentum, hook.interval) == ('TeacherHook', 0.999, 100)
    built = model(f'clouds/{network}_{source}.py')
    assert trained(built) == trained(built.segmentor.decode_head)
    if network == 'convnext':
        assert trained(built) == 20_253_908


def test_clouds_decays_all_but_norms_and_embeddings():
    leaf = 'clouds/convnext_gta2cbm_warm_up.py'
    head = model(leaf).decode_head
    spared = {id(p) for g in groups(leaf) if not g['weight_decay'] for p in g['params']}
    embeddings = (torch.nn.Embedding, torch.nn.LayerNorm, torch.nn.GroupNorm)
    level = id(head.pixel_decoder.level_encoding.weight)  # no nn.Embedding in the reference
    expected = {
        id(p) for module in head.modules() if isinstance(module, embeddings)
        for p in module.parameters()
    }  # fmt: skip
    assert spared == expected - {level}


# Parameters of the whole networks, from the specs: MiT-B5 81,443,008; DAFormer's head and HRDA's.
NETWORKS = {
    'source_only_gta2city': 81_443_008 + 3_712_275,
    'daformer_gta2city': 81_443_008 + 3_712_275,
    'hrda_gta2city': 81_443_008 + 4_242_982,
    'mic_gta2city': 81_443_008 + 4_242_982,
}


@pytest.mark.parametrize('name', NETWORKS)
def test_networks_of_domain_adaptation_have_the_published_parameters(name):
    assert sum(p.numel() for p in segmentor(f'uda/{name}.py').parameters()) == NETWORKS[name]


UDA = [f for f in LEAVES if f.startswith(('uda/', 'datum/')) and 'source_only' not in f]


@pytest.mark.parametrize('leaf', UDA)
def test_domain_adaptation_has_the_published_settings(leaf):
    settings, name = config(leaf), Path(leaf).stem
    hook, pictures = settings.custom_hooks
    assert (hook.type, pictures.type) == ('AnnealedTeacherHook', 'LessonPicturesHook')
    assert hook.momentum == (0.99 if name.startswith('dacs') else 0.999)
    assert settings.train_cfg.max_iters == 40_000
    assert settings.train_dataloader.batch_size == 4
    assert tuple(settings.train_dataloader.sampler.ratio) == (1, 1)
    source = settings.train_dataloader.dataset.dataset.source
    large = name.startswith(('hrda', 'mic')) and 'daformer' not in name
    if name.startswith('dacs'):
        assert source.type == 'GTA5'
    else:
        assert source.crop_ratio == (2.0 if large else 0.5)
        (loss,) = settings.model.segmentor.losses.values()
        assert loss.get('image_scale', 1.0) == (0.5 if large else 1.0)
        assert loss.reference == inner_segmentor(settings.model).backbone
    masking = settings.model.get('masking')
    assert (masking is not None) == name.startswith('mic')
    if masking is not None:
        assert masking.mask.block == (64 if large else 32)
        adverse = 'city2' in name.replace('2city', '')
        assert ('augment' in masking) != adverse
        assert masking.get('domains', ('target',)) == (
            ('source', 'target') if adverse else ('target',)
        )
    margins = [s for s in settings.train_dataloader.dataset.dataset.target.pipeline
               if s.type == 'MarkMargins']  # fmt: skip
    assert bool(margins) == ('2city' in name and not leaf.startswith('datum/'))


@pytest.mark.parametrize('name', ['daformer', 'hrda'])
def test_the_rates_of_heads_are_ten_times_those_of_backbones(name):
    leaf = f'uda/{name}_gta2city.py'
    rates = {id(p): g['lr'] for g in groups(leaf) for p in g['params']}
    built = segmentor(leaf)
    assert {round(rates[id(p)], 9) for p in built.backbone.parameters()} == {6e-5}
    assert {round(rates[id(p)], 9) for p in built.decode_head.parameters()} == {6e-4}


def test_norms_of_mit_do_not_decay_and_those_of_the_head_do():
    leaf = 'uda/daformer_gta2city.py'
    decayed = {id(p) for g in groups(leaf) if g['weight_decay'] for p in g['params']}
    built = segmentor(leaf)
    norms = [m for m in built.backbone.modules() if isinstance(m, torch.nn.LayerNorm)]
    assert not any(id(p) in decayed for norm in norms for p in norm.parameters())
    assert all(id(p) in decayed for p in built.decode_head.parameters())
