"""Options of a command from a YAML file: a section for each command, a key for each option."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import yaml


def apply_recipe(parser: argparse.ArgumentParser, argv: Sequence[str]) -> argparse.Namespace:
    """Read a command line whose ``--recipe`` may name a file; what stands on the line counts more.

    Args:
        parser: with sub-commands, ``command`` and ``recipe`` among what it reads.
        argv: arguments.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not YAML, has no section for the command, or a key or value in it is
            unknown.
    """
    args = parser.parse_args(argv)
    if args.recipe is None:
        return args
    section = _section(args.recipe, args.command)
    (commands,) = (a.choices for a in parser._actions if isinstance(a.choices, dict))
    command = commands[args.command]
    actions = {action.dest: action for action in command._actions if action.option_strings}
    unknown = sorted(section.keys() - actions.keys())
    if unknown:
        raise ValueError(
            f'{args.recipe} has unknown keys in `{args.command}`: {", ".join(unknown)}; known are '
            f'{", ".join(sorted(actions.keys() - {"help", "recipe", "debug"}))}'
        )
    words: list[str] = []
    for key, value in section.items():
        flag = actions[key].option_strings[0]
        if actions[key].nargs == 0:  # an option without a value
            words += [flag] * bool(value)
        else:
            values = value if isinstance(value, list) else [value]
            words += [flag, *map(str, values)]
    at = list(argv).index(args.command) + 1
    return parser.parse_args([*argv[:at], *words, *argv[at:]])


def _section(path: Path, command: str) -> dict:
    if not path.is_file():
        raise FileNotFoundError(
            f'there is no recipe {path}; configs/generation has some to begin with'
        )
    try:
        content = yaml.safe_load(path.read_text('utf-8'))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f'{path} is not YAML in UTF-8: {error}') from error
    section = content.get(command) if isinstance(content, dict) else None
    if not isinstance(section, dict):
        raise ValueError(f'{path} has no section `{command}:` with options below it')
    return {str(key).replace('-', '_'): value for key, value in section.items()}
