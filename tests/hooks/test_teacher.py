import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from recipes import REFERENCE
from torch import nn

from rein.hooks import AnnealedTeacherHook, TeacherHook
from rein.models.segmentors.teacher import Teacher

RECORDED = json.loads(Path(REFERENCE, 'self_training.json').read_text())


class Model:
    """What the hook needs of a SelfTraining model, around one number."""

    needs_all_kinds = False

    def ready(self):
        """Nothing is missing."""

    def __init__(self, dtype=torch.float32):
        self.student = nn.Module()
        self.student.number = nn.Parameter(torch.zeros((), dtype=dtype))
        self.teacher = Teacher(self.student)
        self.teaches = None

    def begin_teaching(self, *, anew):
        if anew:
            self.teacher.copy(self.student)
        self.teaches = True

    def run(self, hook, student, first, stop):
        """Teacher's number in each iteration, where the student's is ``student(iteration)``."""
        loader = SimpleNamespace(sampler=None)
        runner = SimpleNamespace(model=self, iter=first, train_dataloader=loader)
        hook.before_train(runner)
        found = {}
        for runner.iter in range(first, stop):
            with torch.no_grad():
                self.student.number.fill_(student(runner.iter))
            hook.before_train_iter(runner, runner.iter)
            found[runner.iter] = self.teacher.number.item()
        return found


def rising(iteration):
    value = torch.tensor(1.0)
    for _ in range(iteration):
        value += 0.01
    return value.item()


def test_a_constant_average_is_that_of_clouds():
    case = RECORDED['ema']
    hook = TeacherHook(case['alpha'], case['iteration_update'])
    found = Model().run(hook, rising, 0, 301)
    for iteration, value in case['teacher_after_forward'].items():
        assert found[int(iteration)] == value, iteration


def test_the_defaults_are_those_of_clouds():
    hook = TeacherHook()
    assert (hook.momentum, hook.interval, hook.warm_up) == (0.999, 100, 0)
    left = hook.momentum ** (40_000 // hook.interval)
    assert left == pytest.approx(RECORDED['ema']['warmup_weight_left_after_40000_it'], rel=1e-6)


@pytest.mark.parametrize('case', RECORDED['annealed'], ids=lambda c: str(c['alpha']))
def test_an_annealed_average_is_that_of_dacs(case):
    numbers = np.random.RandomState(1).randn(1301)
    hook = AnnealedTeacherHook(case['alpha'])
    found = Model(torch.float64).run(hook, lambda k: numbers[k], 0, 1301)
    for iteration, value in case['ema_at'].items():
        assert found[int(iteration)] == pytest.approx(value, abs=1e-12), iteration


def test_a_teacher_begins_as_the_student_is_after_the_warm_up():
    model = Model()
    found = model.run(TeacherHook(0.5, 1, warm_up=3), float, 0, 6)
    assert found == {0: 0, 1: 0, 2: 0, 3: 3, 4: 3.5, 5: 4.25}
    assert model.teaches


def test_nothing_is_taught_during_the_warm_up():
    model = Model()
    model.run(TeacherHook(warm_up=3), float, 0, 3)
    assert model.teaches is False


def test_a_resumed_run_goes_on_with_the_teacher_it_had():
    whole = Model().run(TeacherHook(0.5, 2), float, 0, 9)
    model = Model()
    first = model.run(TeacherHook(0.5, 2), float, 0, 5)
    resumed = Model()
    resumed.teacher.load_state_dict(model.teacher.state_dict())
    assert first | resumed.run(TeacherHook(0.5, 2), float, 5, 9) == whole


def test_a_run_that_had_no_teacher_yet_gets_one():
    model = Model()
    found = model.run(TeacherHook(0.5, 1, warm_up=2), float, 5, 6)
    assert found == {5: 2.5}  # begun at 0, as the student was before, then averaged


def test_processes_are_not_left_waiting_for_images_of_a_kind(monkeypatch):
    monkeypatch.setattr('rein.hooks.teacher.get_world_size', lambda: 2)
    model, loader = Model(), SimpleNamespace(sampler=SimpleNamespace(mixes_at_random=True))
    runner = SimpleNamespace(model=model, iter=0, train_dataloader=loader)
    TeacherHook().before_train(runner)
    model.needs_all_kinds = True
    with pytest.raises(ValueError, match=r"set train_dataloader\.sampler=dict\(type='FixedRatio"):
        TeacherHook().before_train(runner)


def test_a_model_without_teacher_is_refused():
    runner = SimpleNamespace(model=nn.Linear(1, 1), iter=0)
    with pytest.raises(ValueError, match=r"TeacherHook is for model=dict\(type='SelfTraining'"):
        TeacherHook().before_train(runner)


@pytest.mark.parametrize('settings', [dict(momentum=1.5), dict(interval=0), dict(warm_up=-1)])
def test_impossible_settings_are_refused(settings):
    with pytest.raises(ValueError, match='momentum is from 0 to 1'):
        AnnealedTeacherHook(**settings)
