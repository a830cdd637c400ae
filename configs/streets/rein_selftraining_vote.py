"""Trains Rein as rein_selftraining.py, its labels refined by majority votes; tests on five styles."""

_base_ = ['./rein_selftraining_sam.py']

model = dict(
    refiner=dict(
        _delete_=True,
        type='MajorityVote',
        model={{_base_.model.refiner.model}},
        grid=dict(side=12, claim=0.5, stability=0.0),
    )
)
