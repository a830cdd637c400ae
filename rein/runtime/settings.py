"""A config file and a command line made into one config, with every slip named."""

import contextlib
import difflib
import inspect
import re
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping, Sequence

from mmengine.config import Config, DictAction
from mmengine.hub import get_config
from mmengine.runner import Runner
from mmengine.utils import import_modules_from_strings


class ConfigError(ValueError):
    """A config or a command line cannot be carried out as it stands."""


# Keys at the top of a config that MMEngine reads beside the arguments of its Runner.
ALSO_READ = (
    'custom_imports',
    'model_wrapper_cfg',
    'sync_bn',
    'find_unused_parameters',
    'activation_checkpointing',
    'efficient_conv_bn_eval',
    'compile',
)
READ = (*(set(inspect.signature(Runner.__init__).parameters) - {'self', 'cfg'}), *ALSO_READ)


class OptionsAction(DictAction):
    """MMEngine's ``key=value`` options, with an error for what is not of that form."""

    def __call__(
        self,
        parser: ArgumentParser,
        namespace: Namespace,
        values: Sequence[str],
        option_string: str | None = None,
    ) -> None:
        """Add the options to the namespace."""
        for value in values:
            key, equals, _ = value.partition('=')
            if not equals or not key:
                parser.error(
                    f'{option_string} takes key=value, such as train_cfg.max_iters=100, '
                    f'not {value!r}'
                )
        try:
            super().__call__(parser, namespace, values, option_string)
        except (RecursionError, AssertionError):
            parser.error(
                f'{option_string} takes numbers, words and lists of them; what is made of '
                f'dict(...) belongs into a config file that inherits from this one: {values}'
            )


def load_config(path: str, options: Mapping[str, object]) -> Config:
    """Read a config file, or one of a package (``rein::rein/dinov2_gta2city.py``).

    Args:
        path: of the file; relative to the current folder.
        options: dotted keys and their new values.

    Raises:
        ConfigError: the file is not there or not a config, or an option would change nothing.
    """
    try:
        config = get_config(path) if '::' in path else Config.fromfile(path)
    except FileNotFoundError as error:
        raise ConfigError(
            f'there is no config {path}, or no file that it needs: {error}'
        ) from error
    except (SyntaxError, NameError, KeyError, TypeError, AttributeError, ImportError) as error:
        raise ConfigError(f'{path} cannot be read: {type(error).__name__}: {error}') from error
    _check_options(config, options)
    try:
        config.merge_from_dict(dict(options))
    except (KeyError, TypeError, IndexError) as error:
        raise ConfigError(f'--cfg-options {_plain(error)}') from error
    if any(key.startswith('custom_imports') for key in options):
        import_modules_from_strings(**config.custom_imports)
    return config


def _check_options(config: Config, options: Mapping[str, object]) -> None:
    """Refuse an option at whose first name nobody looks: it would be ignored in silence."""
    for key in options:
        first = key.split('.')[0]
        if first in READ:
            continue
        if first not in config:
            raise ConfigError(
                f'--cfg-options {key}: the config has no {first!r}'
                + did_you_mean(first, [*READ, *config])
            )
        raise ConfigError(
            f'--cfg-options {key}: {first!r} is only a name inside the config file, already put '
            f'in where it is used, so that changing it here has no effect; set the parts '
            f'themselves: {", ".join(_uses(config, config[first])) or "see the file"}'
        )


def _uses(config: Config, value: object) -> list[str]:
    """Up to four places of a config that hold ``value``."""
    found = [place for place, held in walk(config) if held == value and place.split('.')[0] in READ]
    return found[:4]


def walk(node: object, place: str = '') -> Iterator[tuple[str, object]]:
    """Go through a config: (dotted place, value), parents before children."""
    if place:
        yield place, node
    if isinstance(node, Mapping | Config):
        children = list(node.items())
    elif isinstance(node, list | tuple):
        children = list(enumerate(node))
    else:
        return
    for key, child in children:
        yield from walk(child, f'{place}.{key}' if place else str(key))


def explain_unknown_key(config: Config, error: TypeError) -> str | None:
    """Turn Python's "unexpected keyword argument" into the place in the config that has it."""
    found = re.search(r"(\S+?)\(\) got an unexpected keyword argument '(\w+)'", str(error))
    if found is None:
        return None
    owner, key = found[1].removesuffix('.__init__').split('.')[-1], found[2]
    parts = _parts_being_built(error, owner)
    holders = [
        (place, node)
        for place, node in walk(config)
        if isinstance(node, Mapping) and key in node and _type_name(node) in {*parts, owner, ''}
    ]
    if not holders:
        return None  # the program's own slip: no part of the config has such a key
    place, node = max(holders, key=lambda holder: bool(_type_name(holder[1])))
    kind = _type_name(node)
    known = _arguments(parts.get(kind, parts.get(owner)))
    return f'{place}: {kind + " " if kind else ""}has no key {key!r}' + did_you_mean(key, known)


def explain_unknown_type(config: Config, error: KeyError) -> str | None:
    """Turn MMEngine's "is not in the registry" into the place in the config that has it."""
    found = re.search(r'(\S+) is not in the (\S+) registry', str(error).strip('\'"'))
    if found is None:
        return None
    name, registry = found[1], found[2]
    places = [place for place, node in walk(config) if place.endswith('type') and node == name]
    where = places[0] if places else 'the config'
    return (
        f'{where}: there is no {name!r} among the parts of {registry}; look for a slip in the '
        'name, or add the package that registers it to custom_imports'
    )


def did_you_mean(name: str, known: Sequence[str]) -> str:
    """Name up to three known names near to ``name``."""
    near = difflib.get_close_matches(name, [str(k) for k in known], n=3, cutoff=0.6)
    return f'; did you mean {" or ".join(repr(n) for n in near)}?' if near else ''


def _parts_being_built(error: TypeError, owner: str) -> dict[str, object]:
    """Return, by name, the classes whose arguments a config gave when ``error`` came."""
    parts, trace = {}, error.__traceback__
    while trace is not None:
        # "obj_cls" is what MMEngine's registries call it; the Runner builds a few parts itself.
        part = trace.tb_frame.f_locals.get('obj_cls')
        if hasattr(part, '__name__'):
            parts[part.__name__] = part
        if trace.tb_next is None and owner in trace.tb_frame.f_globals:
            parts[owner] = trace.tb_frame.f_globals[owner]
        trace = trace.tb_next
    return parts


def _arguments(part: object) -> list[str]:
    """Arguments that a class takes, its bases' included, or a function."""
    if part is None:
        return []
    makers = [base.__init__ for base in part.__mro__] if inspect.isclass(part) else [part]
    names = {}
    for maker in makers:
        with contextlib.suppress(ValueError, TypeError):
            names.update(inspect.signature(maker).parameters)
    return [name for name in names if name not in ('self', 'args', 'kwargs')]


def _type_name(node: Mapping) -> str:
    kind = node.get('type', '')
    return kind if isinstance(kind, str) else getattr(kind, '__name__', '')


def _plain(error: Exception) -> str:
    return str(error.args[0]) if error.args else str(error)


def inner_segmentor(model: Mapping) -> Mapping:
    """Config of the segmentor with a backbone: ``model`` itself, or what it wraps."""
    while 'segmentor' in model:
        model = model['segmentor']
    return model
