"""Fine-tunes all of the tiny ViT on drawn scenes of a game; tests on five unseen styles.

The rate is the body's; the head learns at a hundred times as much.
"""

_base_ = [
    '../_base_/models/tiny_streets.py',
    '../_base_/datasets/streets_game_to_styles.py',
    '../_base_/schedules/adamw_streets.py',
    '../_base_/runtime/streets.py',
]

model = dict(backbone=dict(train='all'))
optim_wrapper = dict(
    optimizer=dict(lr=3e-5),
    paramwise_cfg=dict(
        custom_keys={
            'decode_head': dict(lr_mult=100.0),
            'decode_head.norm': dict(lr_mult=100.0, decay_mult=0.0),
            'decode_head.up_convs.0.0.bn': dict(lr_mult=100.0, decay_mult=0.0),
            'decode_head.up_convs.1.0.bn': dict(lr_mult=100.0, decay_mult=0.0),
        }
    ),
)
