"""Prompts of lists, templates, scene words and language models."""

import json

import pytest
from recipes import REFERENCE

from rein.datasets.classes import CLASSES
from rein.generation.grammar import from_grammar
from rein.generation.language_model import (
    PER_CALL,
    fault,
    from_language_model,
    lines_of,
    transformers_writer,
)
from rein.generation.prompts import (
    Prompt,
    balance,
    classes_in,
    from_template,
    read_prompts,
    write_prompts,
)
from rein.generation.words import OBJECTS, STUFF, THINGS

RECORDED = json.loads((REFERENCE / 'generation.json').read_text())


def test_the_default_template_gives_datums_prompts_in_their_order():
    prompts = from_template('datum')
    assert [p.prompt for p in prompts] == RECORDED['prompts']
    assert [p.seed for p in prompts] == list(range(10))
    assert prompts[0].classes == ('traffic light',)


def test_a_template_of_ones_own_with_singular_names_and_another_token():
    prompts = from_template('{class} in {token}', ['bus', 'car'], token='xyz', plural=False, seed=5)
    assert [(p.prompt, p.seed) for p in prompts] == [('bus in xyz', 5), ('car in xyz', 6)]


def test_both_are_things_and_stuff_and_names_may_be_any():
    assert len(from_template('scene', 'both')) == 19 == len({*THINGS, *STUFF})
    assert (
        from_template('scene', 'stuff')[-1].prompt == 'a photo of skies in a sks scene from a car'
    )
    assert from_template('datum', ['lama'])[0].prompt == 'a photo of sks lama'


def test_a_template_without_class_gives_one_prompt():
    assert [p.prompt for p in from_template('instance')] == ['a photo of a sks urban scene']


@pytest.mark.parametrize('template', ['dautm', 'a {thing}', 'a photo', '{class} {}'])
def test_a_template_with_other_fields_is_refused(template):
    with pytest.raises(ValueError, match='is neither one of datum'):
        from_template(template)


@pytest.mark.parametrize('classes', ['thing', []])
def test_unknown_or_no_classes_are_refused(classes):
    with pytest.raises(ValueError, match='classes'):
        from_template('datum', classes)


def test_prompts_come_back_as_they_were_written(tmp_path):
    prompts = [Prompt('eine Straße', ('road',), 7, 'grammar'), Prompt('a car', ('car',), 8)]
    write_prompts(tmp_path / 'p.jsonl', prompts)
    assert read_prompts(tmp_path / 'p.jsonl') == prompts


def test_a_written_list_gets_seeds_and_classes(tmp_path):
    (tmp_path / 'p.txt').write_text('A bus in the rain.\n\n  Two cyclists, a dog \n')
    assert read_prompts(tmp_path / 'p.txt') == [
        Prompt('A bus in the rain.', ('bus',), 0),
        Prompt('Two cyclists, a dog', ('rider',), 1),
    ]


@pytest.mark.parametrize(
    ('text', 'said'),
    [
        ('{"prompt": "a"}\nnot json', 'line 2: not a line such as'),
        ('["a"]', 'line 1: not a line'),
        ('{"prompt": ""}', '"prompt" is'),
        ('{"prompt": "a", "seed": -1}', '"seed" is -1'),
        ('{"prompt": "a", "seed": true}', '"seed" is True'),
        ('{"prompt": "a", "classes": "car"}', '"classes" is \'car\''),
        ('{"prompt": "a"}\n{"prompt": "a", "seed": 1}', "1 sentences more than once, first 'a'"),
        ('\n', 'no prompts in it'),
    ],
)
def test_a_bad_file_of_prompts_is_refused_by_line(tmp_path, text, said):
    (tmp_path / 'p.jsonl').write_text(text)
    with pytest.raises(ValueError, match=said):
        read_prompts(tmp_path / 'p.jsonl')


def test_a_missing_or_binary_file_of_prompts_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'no file of prompts .*p\.txt'):
        read_prompts(tmp_path / 'p.txt')
    (tmp_path / 'p.txt').write_bytes(b'\xff\xfe\x00')
    with pytest.raises(ValueError, match='not text in UTF-8'):
        read_prompts(tmp_path / 'p.txt')


@pytest.mark.parametrize(
    ('text', 'names'),
    [
        ('Pedestrians and a double-decker bus', ('person', 'bus')),
        ('A carpet in a scarf', ()),
        ('street lamps', ('pole',)),
        ('A Motorbike on the SIDEWALK', ('sidewalk', 'motorcycle')),
    ],
)
def test_classes_are_found_by_whole_words_the_longest_first(text, names):
    assert classes_in(text) == names


def test_the_grammar_is_balanced_seeded_and_never_repeats():
    prompts = from_grammar(190, 3)
    assert from_grammar(190, 3) == prompts != from_grammar(190, 4)
    assert len({p.prompt for p in prompts}) == 190
    assert [p.seed for p in prompts] == list(range(3, 193))
    about = {
        name: sum(any(f' {o} ' in p.prompt for o in OBJECTS[name]) for p in prompts)
        for name in CLASSES
    }
    assert set(about.values()) == {10}
    assert min(balance(prompts).values()) == 10


def test_every_object_of_the_grammar_names_its_class():
    for name, objects in OBJECTS.items():
        assert all(name in classes_in(each) for each in objects)


def test_the_grammar_says_when_it_has_no_more_sentences():
    with pytest.raises(ValueError, match=r"no more sentences about 'sidewalk' after 37044"):
        from_grammar(40000, classes=['sidewalk'])
    with pytest.raises(ValueError, match='count is 0'):
        from_grammar(0)
    with pytest.raises(ValueError, match=r"no words for the classes \['lama'\]"):
        from_grammar(1, classes=['lama'])


def test_lines_of_an_answer_lose_their_numbers_and_marks():
    answer = 'Sure!\n\n1. **A red car.**\n 2) "A bus"\n- A tram\n* \n'
    assert lines_of(answer) == ['Sure!', 'A red car.', 'A bus', 'A tram']


@pytest.mark.parametrize(
    ('line', 'reason'),
    [
        ('A red car on a wet street at night', ''),
        ('A car', 'length'),
        ('A car ' * 20, 'length'),
        ('一 辆 红色 的 car 在 街上', 'letters'),
        ('Sure, here are ten prompts about a car', 'talk'),
        ('Five photos of a car in rain:', 'talk'),
        ('A bus on a wet street at night', 'class not named'),
        ('A red CAR on a wet street, at night!', 'letters'),
        ('a red car, on a wet street at night.', 'repeated'),
    ],
)
def test_what_is_wrong_with_a_line(line, reason):
    known = (
        [{'a', 'red', 'car', 'on', 'wet', 'street', 'at', 'night'}] if reason == 'repeated' else []
    )
    assert fault(line, 'car', known) == reason


def writer_of(lines):
    """A language model that knows some sentences about each class, and talks a lot."""

    def write(request, seed):
        name = request.split('names: ')[1].split('. Vary')[0]
        write.calls.append((name, seed))
        return 'Sure! Here are prompts:\n' + '\n'.join(
            f'{k}. {line.format(name)}' for k, line in lines
        )

    write.calls = []
    return write


def test_a_language_model_is_asked_class_by_class_and_the_grammar_fills_up():
    write = writer_of([(1, 'A photo of a {} beside a canal at dawn'), (2, 'nothing here')])
    prompts, refused = from_language_model(write, 6, 10, classes=['car', 'bus'], source='llm')
    assert [p.source for p in prompts] == ['llm'] * 2 + ['grammar'] * 4
    assert [p.seed for p in prompts] == list(range(10, 16))
    assert {p.classes[-1] for p in prompts[:2]} == {'car', 'bus'}
    assert refused['from the grammar'] == 4
    assert refused['repeated'] > 0 < refused['length']
    assert len({seed for _, seed in write.calls}) == len(write.calls)


def test_enough_good_sentences_need_no_grammar_and_stay_balanced():
    places = ['canal', 'park', 'tower', 'school', 'harbour', 'market', 'bakery', 'museum']
    lines = [(k, 'A {} beside a large ' + place + ' at dawn') for k, place in enumerate(places)]
    prompts, refused = from_language_model(writer_of(lines), 8, classes=['car', 'bus'])
    assert {p.source for p in prompts} == {'language model'}
    assert sum('car' in p.classes for p in prompts) == 4
    assert refused['enough of the class'] > 0
    assert len(places) <= PER_CALL


def test_a_tiny_language_model_of_transformers_writes_and_is_deterministic(tmp_path):
    from tiny_pipelines import letters
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=190,
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
    )
    LlamaForCausalLM(config).save_pretrained(tmp_path / 'llm')
    words = letters()
    words.chat_template = '{% for m in messages %}{{ m.content }}{% endfor %}'
    words.save_pretrained(tmp_path / 'llm')
    write = transformers_writer(str(tmp_path / 'llm'), max_new_tokens=30)
    assert write('a list', 1) == write('a list', 1) != write('a list', 2)
    prompts, refused = from_language_model(write, 3, classes=['car'])
    assert [p.source for p in prompts] == ['grammar'] * 3  # it only babbles
    assert refused['from the grammar'] == 3


def test_a_language_model_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'config\.json, \*\.safetensors'):
        transformers_writer(str(tmp_path))
    with pytest.raises(FileNotFoundError, match='hf download some/model --local-dir'):
        transformers_writer('some/model')
