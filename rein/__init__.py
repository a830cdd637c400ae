"""Domain generalized semantic segmentation as parts for MMSegmentation.

Importing the package registers its parts in MMSegmentation's registries and does nothing else:
``custom_imports = dict(imports=['rein'])`` in a config is all that another project needs.
"""

import contextlib
import io
import warnings

from mmengine.config.utils import MODULE2PACKAGE

# MMSegmentation speaks up at import about optional packages that we do without on purpose.
with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
    warnings.filterwarnings('ignore', message='Fail to import')
    import mmseg.datasets
    import mmseg.models

from rein import datasets, hooks, metrics, models, optim, precision, registry
from rein.runtime import sharded

# Lets configs inherit 'rein::rein/...'. The name of the module, not of the distribution: MMEngine
# would look for a module called 'rein-seg' where the install is editable.
MODULE2PACKAGE.setdefault('rein', 'rein')

__version__ = '0.1.0'
