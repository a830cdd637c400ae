"""Reading what modules of a network put out while it runs."""

import difflib
import re
from collections.abc import Iterable

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle


class Taps:
    """Context in which the outputs of named modules are kept.

    Each site is the name of a module, as ``named_modules`` has it, with the number of an entry
    where the output is a tuple: ``'backbone[3]'``. A module that runs more than once leaves its
    last output, or its first one where the network says so (``first_is_tapped``).

    Args:
        network: what the names are looked up in.
        sites: their names.

    Attributes:
        maps: output of each site, filled while the network runs.

    Raises:
        ValueError: a site names no module.
    """

    def __init__(self, network: nn.Module, sites: Iterable[str]) -> None:
        self.first = getattr(network, 'first_is_tapped', False)
        self.places = [(site, *find_site(network, site)) for site in sites]
        self.maps: dict[str, Tensor] = {}
        self._handles: list[RemovableHandle] = []

    def __enter__(self) -> dict[str, Tensor]:
        for site, module, entry in self.places:

            def keep(
                module: nn.Module,
                args: tuple,
                output: object,
                site: str = site,
                entry: int | None = entry,
            ) -> None:
                if not (self.first and site in self.maps):
                    self.maps[site] = _entry(output, entry, site)

            self._handles.append(module.register_forward_hook(keep))
        return self.maps

    def __exit__(self, *error: object) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()


def find_site(network: nn.Module, site: str) -> tuple[nn.Module, int | None]:
    """Module that ``site`` names, and the entry of its output or None.

    Raises:
        ValueError: there is no such module.
    """
    name, number = re.fullmatch(r'(.*?)(?:\[(-?\d+)\])?', site).groups()
    modules = dict(network.named_modules())
    if not name or name not in modules:
        near = difflib.get_close_matches(name, modules, n=3)
        hint = f'; near it are {near}' if near else ''
        raise ValueError(
            f'site {site!r} is no module of {type(network).__name__}{hint}. A site is a name such '
            "as 'backbone.layer1', with [i] behind it for entry i of a tuple"
        )
    return modules[name], None if number is None else int(number)


def _entry(output: object, entry: int | None, site: str) -> Tensor:
    if entry is None and isinstance(output, Tensor):
        return output
    if isinstance(output, tuple | list) and entry in range(-len(output), len(output)):
        return output[entry]
    if isinstance(output, tuple | list):
        raise ValueError(f'site {site!r} puts out {len(output)} maps; name one, as {site}[0]')
    raise ValueError(f'site {site!r} puts out a {type(output).__name__}; leave [{entry}] away')
