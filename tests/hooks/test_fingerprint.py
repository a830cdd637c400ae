import hashlib

import numpy as np
import torch
from torch import nn

from rein.hooks.fingerprint import describe_body, differences, frozen_state_keys, tensor_digest


class Backbone(nn.Module):
    model = 'a_timm_name'

    def __init__(self):
        super().__init__()
        self.body = nn.Linear(2, 3)
        self.adapter = nn.Linear(3, 3)

    def frozen_state_keys(self):
        return [f'body.{key}' for key in self.body.state_dict()]


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = Backbone()
        self.head = nn.Linear(3, 1)


def test_a_digest_is_the_sha256_of_dtype_shape_and_bytes():
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    expected = hashlib.sha256(b'torch.float32 (2, 3) ' + values.tobytes()).hexdigest()[:16]
    assert tensor_digest(torch.from_numpy(values)) == expected


def test_a_digest_does_not_depend_on_the_memory_layout_but_on_dtype_and_shape():
    values = torch.arange(6.0).reshape(2, 3)
    assert tensor_digest(values.t().contiguous().t()) == tensor_digest(values)
    others = [values.reshape(3, 2), values.double(), values.bfloat16(), values + 1e-6]
    assert len({tensor_digest(v) for v in (values, *others, torch.tensor(0.0))}) == 6


def test_modules_say_themselves_what_never_trains_however_deep_they_stand():
    wrapper = nn.Module()
    wrapper.student = Model()
    wrapper.teacher = wrapper.student  # one module under two names has two keys in state_dict
    keys = frozen_state_keys(wrapper)
    assert keys == [
        f'{who}.backbone.body.{key}' for who in ('student', 'teacher') for key in ('weight', 'bias')
    ]


def test_bodies_differ_exactly_in_the_tensors_that_changed():
    model = Model()
    keys = frozen_state_keys(model)
    before = describe_body(model, keys)
    assert before['model'] == 'a_timm_name'
    assert differences(before, describe_body(model, keys)) == []
    with torch.no_grad():
        model.head.weight.add_(1)
        model.backbone.body.bias[1] += 1e-6
    after = describe_body(model, keys)
    assert differences(before, after) == ['backbone.body.bias (other values)']
    assert after['fingerprint'] != before['fingerprint']


def test_bodies_of_other_sizes_and_with_other_tensors_are_named():
    model = Model()
    here = describe_body(model, frozen_state_keys(model))
    model.backbone.body = nn.Linear(4, 3, bias=False)
    there = describe_body(model, frozen_state_keys(model))
    assert differences(there, here) == [
        'backbone.body.bias (not in the file)',
        'backbone.body.weight [3, 4] in the file, [3, 2] here',
    ]
