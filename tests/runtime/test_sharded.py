"""A model in shards learns, saves and resumes as a whole one does."""

import json
import shutil

import pytest
import torch
from tiny_processes import in_processes, losses, train, write_configs
from torch import distributed, nn
from torch.distributed.tensor import DTensor

from rein import cli
from rein.hooks.checkpoint_files import read_checkpoint
from rein.runtime.sharded import ShardedDataParallel

pytestmark = pytest.mark.skipif(
    torch.cuda.is_available(), reason='several processes over gloo are for machines without a GPU'
)


BOTH = ('--cfg-options', 'train_dataloader.batch_size=4')


@pytest.fixture(scope='module')
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp('sharded')
    write_configs(folder)
    return folder


@pytest.fixture(scope='module')
def whole(home):
    """The checkpoint of one process that learnt from the images of both."""
    return train(home / 'small.py', home / 'whole', *BOTH, count=1)


@pytest.fixture(scope='module')
def sharded(home):
    return train(home / 'small_fsdp.py', home / 'sharded')


def tensors(path):
    """Weights and optimizer of a checkpoint by name."""
    found = read_checkpoint(path)
    flat = dict(found['state_dict'])
    for number, held in found['optimizer']['state'].items():
        flat |= {f'{number} {name}': value for name, value in held.items()}
    return flat


def same(one, two):
    first, second = tensors(one), tensors(two)
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


def norms(checkpoint):
    """Norm of the gradients in each iteration, before it was clipped."""
    return [entry['grad_norm'] for entry in losses(checkpoint.parent).values()]


def near(path, expected):
    ours, theirs = tensors(path), tensors(expected)
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        torch.testing.assert_close(ours[name], value, rtol=1e-4, atol=1e-6, msg=name)


@pytest.mark.slow
@pytest.mark.parametrize('kind', ['fsdp', 'ddp'])
def test_two_processes_learn_as_one_with_the_images_of_both(home, whole, sharded, kind):
    found = sharded if kind == 'fsdp' else train(home / 'small_ddp.py', home / 'ddp')
    near(found, whole)
    one, two = read_checkpoint(whole), read_checkpoint(found)
    assert one['body'] == two['body']
    assert one['optimizer']['param_groups'] == two['optimizer']['param_groups']
    assert norms(found) == pytest.approx(norms(whole), rel=1e-4)
    assert min(norms(whole)) > 0.5  # each was clipped
    scales = [
        tensors(found.with_name(f'iter_{step}.pth'))['backbone.adapter.scale'] for step in (2, 4)
    ]
    assert scales[0] != scales[1]


@pytest.mark.slow
def test_two_processes_train_a_whole_body_as_one_with_the_images_of_both(home):
    one = train(home / 'full.py', home / 'full', *BOTH, count=1)
    near(train(home / 'full_fsdp.py', home / 'full_sharded'), one)


@pytest.mark.slow
def test_shards_learn_in_bfloat16_as_copies_do(home):
    # Gradients of half a batch are rounded, so one process with all of it differs by 1 %.
    copies = train(home / 'full_ddp.py', home / 'full_copies', '--amp')
    near(train(home / 'full_fsdp.py', home / 'full_parts', '--amp'), copies)


@pytest.mark.slow
def test_a_run_in_shards_that_was_resumed_equals_one_that_was_not(home, sharded):
    half = home / 'half'
    half.mkdir()
    shutil.copy(sharded.with_name('iter_2.pth'), half)
    resumed = train(home / 'small_fsdp.py', half, '--resume')
    assert losses(half).keys() == {3, 4}
    assert losses(half) == {k: v for k, v in losses(sharded.parent).items() if k > 2}
    assert same(resumed, sharded)


@pytest.mark.slow
def test_one_process_goes_on_from_shards_and_shards_from_one_process(home, whole, sharded):
    for began, config, options, count in (
        (sharded, 'small.py', BOTH, 1),
        (whole, 'small_fsdp.py', (), 2),
    ):
        resume = ['--resume', str(began.with_name('iter_2.pth'))]
        work_dir = home / f'from_{began.parent.name}'
        near(train(home / config, work_dir, *resume, *options, count=count), whole)


@pytest.mark.slow
def test_a_test_of_one_process_of_two_in_shards_and_of_three_give_the_same(home, sharded):
    found = []
    # Three processes take four of ten images each: two are padding and must not count.
    for name, count in (('small_fsdp', 1), ('small_fsdp', 2), ('small_ddp', 3)):
        out = home / f'{count}.json'
        words = [str(home / f'{name}.py'), str(sharded), '--work-dir', str(home / 'tested')]
        words += ['--out', str(out), '--launcher', 'none' if count == 1 else 'pytorch']
        in_processes(cli.test, words, count=count)
        record = json.loads(out.read_text())
        found.append((record['metrics'], record['body'], record['details']['domains']))
        assert sum(len(each['images']) for each in found[-1][2].values()) == 10
    assert found[0] == found[1] == found[2]
    assert found[0][0]['mean_aAcc'] > 0


class Network(nn.Module):
    """A body of blocks, a head, and a scalar."""

    def __init__(self):
        super().__init__()
        self.blocks = nn.Sequential(*[nn.Linear(8, 8) for _ in range(4)])
        self.blocks[0].requires_grad_(requires_grad=False)
        self.head = nn.Linear(8, 2)
        self.scale = nn.Parameter(torch.tensor(2.0))

    def forward(self, images):
        return self.head(self.blocks(images)) * self.scale


def learn_in_parts(folder):
    distributed.init_process_group('gloo')
    torch.manual_seed(distributed.get_rank())  # process 0 decides
    network = Network()
    model = ShardedDataParallel(network)
    held = sum(p.to_local().numel() for p in network.parameters() if p.ndim)
    whole = sum(p.numel() for p in network.parameters() if p.ndim)
    assert held == whole / 2
    images = torch.eye(8)[4 * distributed.get_rank() :][:4]
    for _ in range(2):  # as gradients are accumulated
        model(images).square().mean().backward()
    with model.whole_model(everywhere=False):
        state = network.state_dict()
    scale = dict(network.named_parameters())['scale']
    assert scale.grad.to_local() == scale.grad.full_tensor()
    gradients = {
        k: None if p.grad is None else p.grad.full_tensor() for k, p in network.named_parameters()
    }
    assert all(isinstance(value, DTensor) for value in network.state_dict().values())
    if distributed.get_rank() == 0:
        torch.save((state, gradients), folder / 'found.pt')
    ones = {name: torch.ones_like(value) for name, value in Network().state_dict().items()}
    with torch.no_grad():
        model(images)
        network.load_state_dict(ones)
        # A row of one 1: 2, 17, 137, 1097 leave the blocks.
        assert torch.equal(model(images), torch.full((4, 2), 8 * 1097 + 1.0))
    distributed.destroy_process_group()


def test_a_process_holds_its_part_and_gradients_add_up_as_in_one_process(tmp_path):
    in_processes(learn_in_parts, tmp_path)
    state, gradients = torch.load(tmp_path / 'found.pt')
    network = Network()
    network.load_state_dict(state)
    for _ in range(2):
        network(torch.eye(8)).square().mean().backward()
    torch.manual_seed(0)
    assert torch.equal(state['head.weight'], Network().head.weight)
    assert gradients.pop('blocks.0.weight') is gradients.pop('blocks.0.bias') is None
    for name, gradient in gradients.items():
        torch.testing.assert_close(gradient, network.get_parameter(name).grad, msg=name)


def test_what_cannot_be_spread_is_named():
    with pytest.raises(ValueError, match=r"units: the model has no module that .*'layer' finds"):
        ShardedDataParallel(Network(), units='layer')
    student = Network()
    student.begin_teaching = None
    with pytest.raises(ValueError, match='cannot share out the teacher of Network; use'):
        ShardedDataParallel(student)
