from rein.hooks import progress
from rein.hooks.progress import TimedLoggerHook


def test_a_line_is_due_every_third_iteration_or_after_ten_seconds(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(progress.time, 'monotonic', lambda: clock[0])
    hook = TimedLoggerHook(interval=3, seconds=10)
    hook.before_train(None)
    due = []
    for index, now in enumerate([1, 2, 3, 4, 13, 14, 24, 25, 26]):
        clock[0] = now
        if hook.every_n_inner_iters(index, hook.interval):
            due.append(now)
    # 3rd, then 10 s after it, then the 6th, then 10 s after that, then the 9th
    assert due == [3, 13, 14, 24, 26]
