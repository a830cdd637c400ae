"""Several processes with a part of the model each (FSDP): for what one GPU has no memory for."""

model_wrapper_cfg = dict(type='ShardedDataParallel')
