"""40,000 iterations of SGD at 1e-2, falling to 0 by a polynomial of power 0.9 (RobustNet, BlindNet).

Everything decays, norm layers and biases too. The rate of iteration i is 1e-2 (1 - i / 40000)^0.9,
so it would be 0 in the iteration behind the last one: MMEngine's `end` is one more for that.
"""

optim_wrapper = dict(
    type='OptimWrapper',
    constructor='TrainableOptimConstructor',
    optimizer=dict(type='SGD', lr=0.01, momentum=0.9, weight_decay=5e-4),
)
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=40001, by_epoch=False)]

train_cfg = dict(type='IterBasedTrainLoop', max_iters=40000, val_interval=10000)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
