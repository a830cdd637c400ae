"""What of a pipeline learns when it is personalised, and how the result is written."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from torch import nn

from rein.generation.model_files import LORA
from rein.generation.objectives import DenoisingLoss

if TYPE_CHECKING:
    from diffusers import DiffusionPipeline

DENOISER_LAYERS = ('to_q', 'to_k', 'to_v', 'to_out.0')
JOINT_LAYERS = ('add_q_proj', 'add_k_proj', 'add_v_proj', 'to_add_out')  # of SD3's words
ENCODER_LAYERS = ('q_proj', 'k_proj', 'v_proj', 'out_proj')


@dataclass(frozen=True)
class FullTuning:
    """All weights of the chosen parts learn; whole pipelines are written.

    Source: DreamBooth, Ruiz et al., CVPR 2023 (arXiv:2208.12242), as DATUM uses it.
    """

    NAME: ClassVar[str] = 'full'
    RATE: ClassVar[float] = 5e-6  # learning rate, where none is given

    def prepare(self, loss: DenoisingLoss, parts: Sequence[str]) -> list[nn.Parameter]:
        """Let the named parts of a frozen pipeline learn; returns their weights."""
        for name in parts:
            loss.parts[name].requires_grad_(requires_grad=True)
        return [p for p in loss.parameters() if p.requires_grad]

    def write(self, pipeline: 'DiffusionPipeline', folder: Path, parts: Sequence[str]) -> None:
        """Write a pipeline that can be loaded by itself."""
        pipeline.save_pretrained(folder)


@dataclass(frozen=True)
class LowRankTuning:
    """Low-rank matrices learn beside the attention layers of the chosen parts; they are written.

    Args:
        rank: of the matrices; their products have the weight 1.

    Source: LoRA, Hu et al., ICLR 2022 (arXiv:2106.09685), through peft.
    """

    rank: int = 8
    NAME: ClassVar[str] = 'lora'
    RATE: ClassVar[float] = 1e-4

    def prepare(self, loss: DenoisingLoss, parts: Sequence[str]) -> list[nn.Parameter]:
        """Add the matrices to the named parts of a frozen pipeline; returns them."""
        from peft import LoraConfig

        for name in parts:
            layers = ENCODER_LAYERS if name in loss.ENCODERS else DENOISER_LAYERS
            if name == 'transformer':
                layers += JOINT_LAYERS
            config = LoraConfig(
                r=self.rank,
                lora_alpha=self.rank,
                init_lora_weights='gaussian',
                target_modules=list(layers),
            )
            loss.parts[name].add_adapter(config)
        return [p for p in loss.parameters() if p.requires_grad]

    def write(self, pipeline: 'DiffusionPipeline', folder: Path, parts: Sequence[str]) -> None:
        """Write the matrices, in the form that pipelines of diffusers load."""
        from peft.utils import get_peft_model_state_dict

        layers = {name: getattr(pipeline, name) for name in parts}
        states = {f'{k}_lora_layers': get_peft_model_state_dict(v) for k, v in layers.items()}
        pipeline.save_lora_weights(folder, weight_name=LORA, **states)


TUNINGS = {kind.NAME: kind for kind in (FullTuning, LowRankTuning)}
