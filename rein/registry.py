"""Where a config that is inherited as ``rein::...`` looks for its parts.

MMEngine looks up everything in such a config in the scope ``rein``. The parts themselves are
registered in MMSegmentation's registries, so that any of its configs can name them; here each of
those gets an empty child of that scope, which passes every question on to its parent.
"""

import mmseg.registry as host
from mmengine.registry import Registry

SCOPE = 'rein'
# Where the parts are: a registry imports its own places before it looks, but not its parent's.
PLACES = [
    'mmseg.models',
    'mmseg.datasets',
    'mmseg.engine',
    'mmseg.evaluation',
    'mmseg.visualization',
    'rein',
]
PARENTS = {name: getattr(host, name) for name in host.__all__}
REGISTRIES = {
    name: Registry(parent.name, parent=parent, scope=SCOPE, locations=PLACES)
    for name, parent in PARENTS.items()
}
