"""Fine-tunes all of the tiny ViT on drawn scenes of a game; tests on five unseen styles.

The body learns at a tenth of the head's rate.
"""

_base_ = [
    '../_base_/models/tiny_streets.py',
    '../_base_/datasets/streets_game_to_styles.py',
    '../_base_/schedules/adamw_streets.py',
    '../_base_/runtime/streets.py',
]

model = dict(backbone=dict(train='all'))
optim_wrapper = dict(
    optimizer=dict(lr=1e-3),
    paramwise_cfg=dict(
        custom_keys={
            'backbone': dict(lr_mult=0.1),
            'backbone.body.pos_embed': dict(lr_mult=0.1, decay_mult=0.0),
            'norm1.weight': dict(lr_mult=0.1, decay_mult=0.0),
            'norm1.bias': dict(lr_mult=0.1, decay_mult=0.0),
            'norm2.weight': dict(lr_mult=0.1, decay_mult=0.0),
            'norm2.bias': dict(lr_mult=0.1, decay_mult=0.0),
        }
    ),
)
