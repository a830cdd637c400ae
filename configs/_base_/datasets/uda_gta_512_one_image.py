"""Train on GTA5, rare classes more often, and on one image of Cityscapes, crops of 512.

The image lies in data/one_shot_image, where configs/generation/datum.yaml reads it too.
Nothing is learnt in the upper and lower rows of Cityscapes, which show the lens and the car.
"""

_base_ = ['./uda_gta_512_cityscapes.py']

train_dataloader = dict(
    dataset=dict(
        dataset=dict(
            target=dict(
                _delete_=True,
                type='SegmentationFolder',
                data_root='data/one_shot_image',
                images='.',
                masks=None,
                domain='cityscapes',
                pipeline={{_base_.train_dataloader.dataset.dataset.target.pipeline}},
            )
        )
    )
)
