import copy
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from recipes import REFERENCE
from test_two_view import MASKS, PLAIN
from torch.nn import functional as F

from rein.models.heads.mask_targets import class_masks
from rein.models.refiners.refined import Refined
from rein.models.segmentors.mixing import ClassMix, pasted
from rein.models.segmentors.student_passes import pixel_weights
from rein.models.segmentors.teacher import trained_state

RECORDED = json.loads(Path(REFERENCE, 'self_training.json').read_text())
MIX = dict(
    labelling=[dict(type='ConfidentShare', threshold=0.3), dict(type='IgnoreBands', top=4)],
    mixing=dict(type='ClassMix'),
    augment=dict(type='JitterAndBlur'),
    passes=dict(type='SourceThenTarget'),
)


@pytest.fixture(autouse=True)
def scope():
    init_default_scope('mmseg')


def built(segmentor=PLAIN, **settings):
    """A model that teaches, of fixed random weights."""
    torch.manual_seed(0)
    config = dict(type='SelfTraining', segmentor=copy.deepcopy(segmentor), **settings)
    model = MODELS.build(ConfigDict(config)).train()
    model.begin_teaching(anew=True)
    return model


def batch(kinds='ls', seed=0, size=32):
    """Images labelled ('l') and not ('u'), with second views."""
    draw = torch.Generator().manual_seed(seed)
    images = torch.rand(len(kinds), 3, size, size, generator=draw)
    samples = []
    for kind in kinds:
        sample = SegDataSample(metainfo={'img_shape': (size, size), 'img_path': 'x.png'})
        if kind == 'l':
            labels = torch.randint(0, 5, (1, 4, 4), generator=draw).float()[None]
            labels = F.interpolate(labels, (size, size))[0].long()
            sample.gt_sem_seg = PixelData(data=labels)
        samples.append(sample)
    return images, samples, images.flip(-1) * 0.5


def assert_alike(found, wanted):
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        torch.testing.assert_close(found[name], value)


class Seen:
    """Keeps what an EncoderDecoder is given: by its teacher's or by its student's call."""

    def __init__(self, student, monkeypatch):
        self.student, self.teacher = [], []
        loss, ask = student.loss, student.encode_decode
        monkeypatch.setattr(student, 'loss', lambda *a: self.student.append(a) or loss(*a))
        monkeypatch.setattr(student, 'encode_decode', lambda *a: self.teacher.append(a) or ask(*a))


def test_the_student_sees_second_views_and_the_teacher_clean_ones(monkeypatch):
    model = built()
    seen = Seen(model.student, monkeypatch)
    images, samples, restyled = batch('lulu')
    model.loss(images, samples, restyled)
    ((shown, _),) = seen.teacher
    assert torch.equal(shown, images[[1, 3]])
    ((given, labelled),) = seen.student
    assert torch.equal(given[[0, 2]], images[[0, 2]])
    assert torch.equal(given[[1, 3]], restyled[[1, 3]])
    assert torch.equal(labelled[0].gt_sem_seg.data, samples[0].gt_sem_seg.data)
    best = model.teacher.ask(model.student, 'encode_decode', images[1:2], [{'img_shape': (32, 32)}])
    assert torch.equal(labelled[1].gt_sem_seg.data, best.argmax(1))
    assert 'gt_sem_seg' not in samples[1]  # what came in stays as it was


def test_losses_are_the_segmentors_own_on_the_teachers_labels():
    model = built()
    images, samples, _ = batch('lu')
    found = model.loss(images, samples)
    metas = [{'img_shape': (32, 32)}]
    labels = model.teacher.ask(model.student, 'encode_decode', images[1:], metas).argmax(1)
    samples[1].gt_sem_seg = PixelData(data=labels)
    wanted = built().student.loss(images, samples)
    assert_alike({k: v for k, v in found.items() if 'pseudo' not in k}, wanted)
    assert found['pseudo_labelled'] == 1
    assert 0.2 <= found['pseudo_confidence'] <= 1


def test_what_training_needs_is_built_before_its_first_step():
    reference = dict(type='MixTransformer', weights='not/there.pth')
    loss = dict(type='ThingFeatureDistance', reference=reference, sites={'backbone[1]': 8})
    wrapped = dict(type='OneView', segmentor=copy.deepcopy(PLAIN), losses=dict(fd=loss))
    model = built(wrapped, passes=dict(type='SourceThenTarget'))
    with pytest.raises(ValueError, match=r'there is no file not/there\.pth'):
        model.ready()
    assert model.needs_all_kinds
    assert not built().needs_all_kinds


def test_images_without_labels_wait_for_a_teacher():
    model = built()
    model.teaches = False
    images, samples, _ = batch('ull')
    wanted = built().student.loss(images[1:], samples[1:])
    assert_alike(model.loss(images, samples), wanted)


def test_a_batch_without_labels_before_there_is_a_teacher_teaches_nothing():
    model = built()
    model.teaches = False
    images, samples, _ = batch('uu')
    loss, _ = model.parse_losses(model.loss(images, samples))
    loss.backward()
    assert loss == 0
    assert all((p.grad == 0).all() for p in model.parameters() if p.requires_grad)


def test_a_batch_without_labels_is_learnt_from_when_there_is_a_teacher():
    for settings in ({}, dict(passes=dict(type='SourceThenTarget'))):
        model = built(**settings)
        images, samples, _ = batch('uu')
        loss, _ = model.parse_losses(model.loss(images, samples))
        loss.backward()
        assert loss > 0


def test_a_batch_of_labelled_images_is_none_of_the_teachers_business(monkeypatch):
    model = built()
    seen = Seen(model.student, monkeypatch)
    images, samples, _ = batch('ll')
    model.loss(images, samples)
    assert seen.teacher == []


def test_nothing_is_learnt_in_the_margins_of_an_image():
    model = built()
    images, samples, _ = batch('lu')
    margins = torch.zeros(1, 32, 32, dtype=torch.bool)
    margins[:, 20:] = True
    samples[1].margins = PixelData(data=margins)
    labels = model.pseudo_labels(images[1:], samples[1:]).labels
    assert (labels[:, 20:] == 255).all()
    assert (labels[:, :20] != 255).all()


def test_without_a_hook_the_teacher_is_missed():
    model = built()
    model.teaches = None
    images, samples, _ = batch('lu')
    with pytest.raises(ValueError, match=r"add dict\(type='TeacherHook'\) to custom_hooks"):
        model.loss(images, samples)


def test_the_teacher_is_what_trains_and_never_a_parameter():
    model = built(MASKS)
    names = set(model.teacher.names)
    trains = {name for name, p in model.student.named_parameters() if p.requires_grad}
    assert trains <= names
    assert not any(name.startswith('backbone.body.') for name in names)
    assert not any('teacher' in name for name, _ in model.named_parameters())
    assert {f'teacher.{name}' for name in names} < model.state_dict().keys()


def test_the_teacher_answers_as_a_copy_of_the_student_would():
    model = built(MASKS)
    old = copy.deepcopy(model.student).eval()
    images, _, _ = batch('uu')
    with torch.no_grad():
        for parameter in model.student.parameters():
            if parameter.requires_grad:
                parameter += 0.1
    metas = [{'img_shape': (32, 32)}] * 2
    found = model.teacher.ask(model.student, 'encode_decode', images, metas)
    torch.testing.assert_close(found, old.encode_decode(images, metas))
    assert not found.requires_grad
    assert model.student.decode_head.training  # the student is in training as before
    assert not model.student.backbone.body.training


def test_a_step_moves_the_student_and_leaves_the_teacher_and_its_statistics():
    model = built()
    before = {name: tensor.clone() for name, tensor in model.teacher.tensors().items()}
    images, samples, restyled = batch('luu')
    losses = model.loss(images, samples, restyled)
    model.parse_losses(losses)[0].backward()
    assert all(p.grad is not None for p in model.parameters() if p.requires_grad)
    for name, tensor in model.teacher.tensors().items():
        assert torch.equal(tensor, before[name]), name
    student = trained_state(model.student)
    assert not torch.equal(
        student['backbone.bn1.running_mean'], before['backbone.bn1.running_mean']
    )


def test_averages_move_parameters_and_statistics_and_copy_counters():
    model = built()
    name, counter = 'decode_head.conv_seg.weight', 'backbone.bn1.num_batches_tracked'
    old = model.teacher.tensors()[name].clone()
    with torch.no_grad():
        model.student.decode_head.conv_seg.weight += 1
        model.student.backbone.bn1.num_batches_tracked += 5
        model.student.backbone.bn1.running_mean += 2
    model.teacher.average(model.student, 0.75)
    tensors = model.teacher.tensors()
    torch.testing.assert_close(tensors[name], old + 0.25)
    torch.testing.assert_close(tensors['backbone.bn1.running_mean'], torch.full((64,), 0.5))
    assert tensors[counter] == 5
    assert model.teacher.updates == 2


def test_padding_has_no_labels():
    model = built()
    images, samples, _ = batch('u')
    samples[0].set_metainfo({'img_shape': (20, 24)})
    labels = model.pseudo_labels(images, samples).labels[0]
    assert (labels[20:] == 255).all() and (labels[:, 24:] == 255).all()
    assert (labels[:20, :24] < 5).all()


class Halves:
    """A refiner that keeps class 1 in the left half and has seen class 4 vanish."""

    def __init__(self):
        self.images = []

    def __call__(self, image, labels):
        self.images.append((image, labels))
        masks = torch.zeros(2, *labels.shape, dtype=torch.bool)
        masks[0, :, : labels.shape[1] // 2] = True
        return Refined([1, 4], masks)


def test_a_refiner_gets_the_image_as_it_was_and_its_labels_are_learnt():
    plain = copy.deepcopy(PLAIN)
    plain['data_preprocessor'] |= dict(mean=[100.0, 50, 20], std=[50.0, 40, 30], bgr_to_rgb=True)
    model = built(plain)
    model.__dict__['refiner'] = Halves()
    pixels = torch.randint(0, 256, (3, 24, 32), dtype=torch.uint8)
    data = {'inputs': [pixels], 'data_samples': batch('u')[1]}
    ready = model.data_preprocessor(data, training=True)
    pseudo = model.pseudo_labels(ready['inputs'], ready['data_samples'])
    ((image, labels),) = model.refiner.images
    assert np.array_equal(image, pixels.flip(0).permute(1, 2, 0).numpy())  # blue first -> RGB
    assert labels.shape == (24, 32)
    assert pseudo.lost == [[4]]
    assert (pseudo.labels[0, :24, :16] == 1).all()
    assert (pseudo.labels[0, 24:] == 255).all() and (pseudo.labels[0, :, 16:] == 255).all()


def test_a_lost_class_is_a_target_without_pixels():
    sample = SegDataSample(gt_sem_seg=PixelData(data=torch.tensor([[[1, 1, 255]]])))
    sample.set_metainfo({'lost_classes': (4,)})
    found = class_masks(sample, 5)
    assert found.labels.tolist() == [1, 4]
    assert found.masks.tolist() == [[[1, 1, 0]], [[0, 0, 0]]]


@MODELS.register_module()
class NetworkOfARefiner(torch.nn.Linear):
    built = 0

    def __init__(self):
        NetworkOfARefiner.built += 1
        super().__init__(2, 2)


def test_a_refiners_network_is_none_of_the_models_and_built_when_asked_for():
    model = built(refiner=dict(type='NetworkOfARefiner'))
    assert NetworkOfARefiner.built == 0  # a test needs no weights of SAM
    names = set(model.state_dict())
    assert isinstance(model.refiner, NetworkOfARefiner)
    assert model.refiner is model.refiner
    assert set(model.state_dict()) == names
    assert not any(isinstance(module, NetworkOfARefiner) for module in model.modules())


def test_mixed_images_labels_and_weights_are_the_authors():
    case = RECORDED['classmix']['mix_np_seed0']
    pixels = torch.arange(144.0).reshape(2, 3, 4, 6) / 10
    own = torch.tensor(RECORDED['classmix']['labels_B1HW'])[:, 0]
    target = -pixels - 1, torch.full((2, 4, 6), 5), torch.full((2, 4, 6), 0.25)
    np.random.seed(0)
    images, labels, weights = pasted(ClassMix(), pixels, own, target)
    torch.testing.assert_close(images[:, 0], torch.tensor(case['mixed_img_ch0']))
    assert labels.tolist() == case['mixed_lbl']
    assert weights.tolist() == case['mixed_weight']


def test_weighted_pixels_give_the_authors_loss():
    case = RECORDED['weighted_ce']
    head = built().student.decode_head
    head.loss_decode = MODELS.build(dict(type='CrossEntropyLoss'))
    scores = torch.from_numpy(np.random.RandomState(5).randn(1, 4, 3, 3).astype(np.float32))
    sample = SegDataSample(gt_sem_seg=PixelData(data=torch.tensor(case['label'])))

    class Student:
        decode_head, with_auxiliary_head = head, False

    with pixel_weights(Student, torch.tensor(case['weight'])):
        found = head.loss_by_feat(scores, [sample])
    assert found['loss_ce'].item() == pytest.approx(case['loss'], rel=1e-6)
    assert head.sampler is None
    assert head.loss_by_feat(scores, [sample])['loss_ce'].item() == pytest.approx(
        case['loss_unweighted'], rel=1e-6
    )


def test_all_parts_at_once_train():
    model = built(**MIX)
    images, samples, _ = batch('lluu')
    losses = model.loss(images, samples)
    assert {'source.decode.loss_ce', 'target.decode.loss_ce', 'target.aux.loss_ce'} <= losses.keys()
    model.parse_losses(losses)[0].backward()
    assert all(p.grad is not None for p in model.parameters() if p.requires_grad)


def test_a_head_without_weights_of_pixels_has_its_whole_loss_weighed():
    half = [dict(type='ConfidentShare', threshold=0.0)]
    images, samples, _ = batch('lu')
    torch.manual_seed(1)
    whole = built(MASKS, labelling=half, passes=dict(type='SourceThenTarget'))
    torch.manual_seed(1)
    full = whole.loss(images, samples)
    half = built(MASKS, labelling=half, passes=dict(type='SourceThenTarget', weight=0.5))
    torch.manual_seed(1)
    less = half.loss(images, samples)
    for name, value in full.items():
        share = 0.5 if name.startswith('target.') and 'loss' in name else 1
        torch.testing.assert_close(less[name], value * share)


def test_a_head_without_weights_of_pixels_refuses_them_in_one_batch():
    model = built(MASKS, labelling=[dict(type='ConfidentShare')])
    images, samples, _ = batch('lu')
    with pytest.raises(ValueError, match='PlainMask2FormerHead takes no weights of pixels'):
        model.loss(images, samples)


VIEWS = dict(
    type='TwoView',
    segmentor=PLAIN,
    losses=dict(match=dict(type='CovarianceMatch', sites={'backbone[0]': 8})),
)


def test_style_losses_go_with_it():
    model = built(VIEWS, passes=dict(type='SourceThenTarget'))
    images, samples, restyled = batch('lluu')
    losses = model.loss(images, samples, restyled)
    assert 'source.match.loss' in ' '.join(losses) and 'target.decode.loss_ce' in losses
    assert not any(name.startswith('target.match') for name in losses)


def test_style_losses_need_the_kinds_apart():
    with pytest.raises(ValueError, match=r"set passes=dict\(type='SourceThenTarget'\)"):
        built(VIEWS)


def test_style_losses_need_second_views_of_labelled_images():
    model = built(VIEWS, passes=dict(type='SourceThenTarget'))
    images, samples, _ = batch('lu')
    with pytest.raises(ValueError, match='second view'):
        model.loss(images, samples, images)


@pytest.mark.parametrize('segmentor', [PLAIN, VIEWS], ids=['plain', 'wrapper'])
def test_a_checkpoint_of_the_segmentor_alone_becomes_one_of_the_model(segmentor):
    settings = {} if segmentor is PLAIN else dict(passes=dict(type='SourceThenTarget'))
    model = built(segmentor, **settings)
    for start in (copy.deepcopy(model.student), copy.deepcopy(model.segmentor)):
        for parameter in start.parameters():
            parameter.data += 1
        body = {'tensors': {'backbone.conv1.weight': {}}}
        if start is not model.student and segmentor is VIEWS:
            body = {'tensors': {'segmentor.backbone.conv1.weight': {}}}
        checkpoint = {'state_dict': dict(start.state_dict()), 'body': body}
        model.adopt(checkpoint)
        missing = model.state_dict().keys() - checkpoint['state_dict'].keys()
        if 'decode_head.conv_seg.weight' in start.state_dict() and segmentor is VIEWS:
            assert all(name.startswith('segmentor.losses.') for name in missing)
        else:
            assert not missing
        assert checkpoint['state_dict'].keys() <= model.state_dict().keys()
        inner = 'segmentor.' if segmentor is PLAIN else 'segmentor.segmentor.'
        assert list(checkpoint['body']['tensors']) == [f'{inner}backbone.conv1.weight']
        taught = checkpoint['state_dict']['teacher.backbone.conv1.weight']
        assert torch.equal(taught, checkpoint['state_dict'][f'{inner}backbone.conv1.weight'])


def test_a_checkpoint_of_the_model_is_left_as_it_is():
    model = built()
    checkpoint = {'state_dict': dict(model.state_dict())}
    before = list(checkpoint['state_dict'])
    model.adopt(checkpoint)
    assert list(checkpoint['state_dict']) == before


def test_what_predicts_is_the_student():
    model = built().eval()
    images, _, _ = batch('uu')
    torch.testing.assert_close(model(images), model.student(images))
    assert model.num_classes == 5


def test_labels_of_whole_images_are_the_teachers_in_their_own_size():
    model = built(MASKS).eval()
    pixels = torch.randint(0, 256, (3, 32, 32), dtype=torch.uint8)
    sample = SegDataSample(metainfo={'img_shape': (32, 32), 'ori_shape': (48, 40)})
    (found,) = model.label({'inputs': [pixels], 'data_samples': [sample]})
    assert found.labels.shape == found.confidence.shape == (1, 48, 40)
    with torch.no_grad():
        model.student.decode_head.cls_embed.bias += torch.tensor([0, 0, 9.0, 0, 0, 0])
    (again,) = model.label({'inputs': [pixels], 'data_samples': [sample]})
    assert torch.equal(again.labels, found.labels)
    model.teacher.updates.zero_()  # no teacher yet: the student labels
    (third,) = model.label({'inputs': [pixels], 'data_samples': [sample]})
    assert (third.labels == 2).all()


def test_what_is_no_segmentor_is_refused():
    with pytest.raises(ValueError, match=r'SelfTraining\.segmentor is a Linear'):
        MODELS.get('SelfTraining')(torch.nn.Linear(1, 1))
    with pytest.raises(ValueError, match=r'SourceThenTarget\.weight is -1'):
        built(passes=dict(type='SourceThenTarget', weight=-1))


WITHOUT_BATCH = copy.deepcopy(PLAIN)
for _part in ('backbone', 'decode_head', 'auxiliary_head'):
    WITHOUT_BATCH[_part]['norm_cfg'] = dict(type='GN', num_groups=2)


def learn_in_process(rank, path):
    torch.distributed.init_process_group(
        'gloo', init_method=f'file://{path}', rank=rank, world_size=2
    )
    init_default_scope('mmseg')
    images, samples, restyled = batch('lulu')
    alone, model = built(WITHOUT_BATCH), built(WITHOUT_BATCH)
    together = torch.nn.parallel.DistributedDataParallel(model)
    mine = slice(2 * rank, 2 * rank + 2)
    losses = together(images[mine], samples[mine], 'loss', restyled[mine])
    model.parse_losses(losses)[0].backward()
    model.teacher.average(model.student, 0.5)
    torch.distributed.destroy_process_group()
    alone.parse_losses(alone.loss(images, samples, restyled))[0].backward()
    for (name, ours), whole in zip(model.named_parameters(), alone.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, whole.grad, msg=lambda m, name=name: f'{name}: {m}')


@pytest.mark.slow
def test_two_processes_learn_as_one_with_both_batches(tmp_path):
    # spawn raises what a process raises; each compares its gradients
    torch.multiprocessing.spawn(learn_in_process, (str(tmp_path / 'meeting'),), nprocs=2)


def test_a_teacher_may_label_by_the_statistics_of_the_batch_and_never_drops():
    segmentor = copy.deepcopy(PLAIN)
    segmentor['decode_head']['dropout_ratio'] = 0.9
    images, samples, _ = batch('uuu')
    images = images * 3 + 1
    model = built(segmentor, teacher_statistics='batch')
    before = copy.deepcopy(model.student.state_dict())
    first, again = (model.pseudo_labels(images, samples) for _ in range(2))
    assert torch.equal(first.confidence, again.confidence)
    for name, value in model.student.state_dict().items():
        assert torch.equal(value, before[name]), name

    plain = copy.deepcopy(model.student).train()
    plain.decode_head.dropout.eval()
    with torch.no_grad():
        wanted = plain.encode_decode(images, [{'img_shape': (32, 32)}] * 3).softmax(1)
    torch.testing.assert_close(first.confidence, wanted.max(1).values)
    assert torch.equal(first.labels, wanted.argmax(1))
    averaged = built(segmentor).pseudo_labels(images, samples)
    assert not torch.allclose(averaged.confidence, first.confidence)


def test_the_students_modes_are_as_before_when_the_teacher_has_spoken():
    model = built(teacher_statistics='batch')
    model.student.backbone.eval()
    before = {name: module.training for name, module in model.student.named_modules()}
    model.pseudo_labels(*batch('uu')[:2])
    assert {name: m.training for name, m in model.student.named_modules()} == before


def test_unknown_statistics_are_named():
    with pytest.raises(ValueError, match="teacher_statistics is 'own'; use one of"):
        built(teacher_statistics='own')
