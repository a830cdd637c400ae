"""Several processes with a copy of the model each (DDP): what --launcher pytorch does anyway.

To be inherited where one of its settings is to change.
"""

model_wrapper_cfg = dict(
    type='MMDistributedDataParallel',
    broadcast_buffers=False,
    find_unused_parameters=False,  # True where some of what trains has no part in some losses
    gradient_as_bucket_view=True,  # gradients are kept once, not twice
)
