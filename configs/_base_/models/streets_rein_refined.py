"""Self-training of Rein on drawn scenes, its labels refined by point prompts as in CLOUDS.

What is prompted knows the true objects, as a stand-in for SAM: its masks are a little wrong.
Regions are as much smaller as the pictures are.
"""

_base_ = ['./streets_rein_selftraining.py']

model = dict(
    refiner=dict(
        type='SamRefiner',
        least=150,
        model=dict(
            type='ScriptedSam',
            datasets=[
                dict(type='Cityscapes', data_root='{{$STREETS_ROOT:data/streets}}/unlabelled/' + s)
                for s in ('night', 'fog', 'rain', 'snow', 'palette')
            ],
        ),
    )
)
