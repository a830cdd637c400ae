"""Fine-tunes all of DINOv2-L, in shards on several GPUs, with GTA5; tests on three real sets.

The full fine-tuning baseline under FSDP: the same numbers up to the order of sums, with a part of
weights, gradients and AdamW's state on each GPU. The batch of 4 is that of two GPUs.
"""

_base_ = ['./dinov2_full_gta2cbm.py', '../_base_/distributed/fsdp.py']

train_dataloader = dict(batch_size=2)
