"""The default runtime for runs of a few minutes: lines more often, one checkpoint at the end."""

_base_ = ['./default.py']

default_hooks = dict(
    logger=dict(interval=20),
    checkpoint=dict(interval=150, max_keep_ckpts=1, save_best=None),
)
log_processor = dict(window_size=20)
